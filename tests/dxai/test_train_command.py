"""``pyxai dxai train`` from a tree of pictures, and what it says to input that cannot work."""

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image

from pyxai.cli import dxai_command
from pyxai.dxai.losses import Objective
from pyxai.dxai.training import LOG, Recipe, load_checkpoint
from pyxai.engine import InputError
from tests.dxai.conftest import pixels


def folder(path, classes=("dull", "red"), count=4, size=32, mode="RGB"):
    for row in range(count * len(classes)):
        values = ((pixels(row).permute(1, 2, 0) + 1) * 127.5).clamp(0, 255).byte().numpy()
        file = path / classes[row % len(classes)] / f"{row}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).resize((size, size)).convert(mode).save(file)
    return path


SMALL = {"iterations": 2, "image_size": 32, "batch": 2, "branches": 2, "discriminator_width": 4}
SMALL |= {"device": "cpu", "report_every": 1}


@pytest.mark.parametrize(
    ("classifier", "options"),
    [("discriminator", {}), ("train:simple", {"grey": True}), ("train:simple", {"precision": "bf16"})],
)
def test_train(classifier, options, tmp_path, capsys):
    data, out = folder(tmp_path / "data"), tmp_path / "run"
    dxai_command.train(data, out, classifier, **{**SMALL, **options})
    state = load_checkpoint(out)
    recipe = Recipe.from_json(state["recipe"])
    assert (state["iteration"], recipe.size, recipe.classes) == (2, 32, ("dull", "red"))
    assert len(recipe.black) == (1 if options.get("grey") else 3)
    with open(out / LOG, newline="") as file:
        seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    assert 0 <= seconds[0] <= seconds[1]
    with Image.open(out / "samples" / "0000002.png") as sheet:
        assert sheet.size == (4 * 32, 4 * 32)
        assert sheet.mode == "RGB"
    said = capsys.readouterr().out
    assert "8 images of 32² pixels, 2 classes, on cpu" in said
    assert "2/2" in said
    with pytest.raises(InputError, match="holds a training: continue it with --resume"):
        dxai_command.train(data, out, classifier, **{**SMALL, **options})
    dxai_command.train(data, out, classifier, **{**SMALL, **options, "iterations": 3}, resume=True)
    assert load_checkpoint(out)["iteration"] == 3
    with pytest.raises(InputError, match="with seed 0, not 1"):
        dxai_command.train(data, out, classifier, **{**SMALL, **options, "seed": 1}, resume=True)
    (data / "red" / "1.png").rename(data / "red" / "new.png")
    with pytest.raises(InputError, match=r"with data '8 pictures, names .*, not '8 pictures"):
        dxai_command.train(data, out, classifier, **{**SMALL, **options}, resume=True)


MODEL = """
import types
import torch
class Net(torch.nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.fc = torch.nn.Linear(3, classes)
    def forward(self, x):
        return self.fc(x.mean((2, 3)))
def two():
    return Net(2).eval()
def five():
    return Net(5).eval()
def coloured():
    return two(), types.SimpleNamespace(mean=0.5)
def training():
    return torch.nn.Sequential(torch.nn.Dropout(), Net(2))
def grey():
    return torch.nn.Sequential(torch.nn.Conv2d(1, 2, 32), torch.nn.Flatten()).eval()
"""


def test_given_classifier(tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    spec = f"{tmp_path / 'model.py'}:two"
    changes = ["zero_distinction=false", "distinct_reconstruction=0", "correlation=identity"]
    dxai_command.train(folder(tmp_path / "data"), tmp_path / "run", spec, **SMALL, set_=changes)
    recipe = Recipe.from_json(load_checkpoint(tmp_path / "run")["recipe"])
    assert recipe.black == (0.0, 0.0, 0.0)
    assert recipe.objective == Objective(
        zero_distinction=False, distinct_reconstruction=0.0, correlation="identity"
    )


@pytest.mark.parametrize(
    ("classifier", "options", "message"),
    [
        ("five", {}, "the classifier has 5 classes, the data 2"),
        ("two", {"grey": True}, "the classifier does not take grey images of 32²: "),
        ("grey", {}, "the classifier does not take colour images of 32²: "),
        ("coloured", {"grey": True}, "--grey: the classifier .* takes RGB images"),
        ("training", {}, "must be in evaluation mode"),
        ("discriminator", {"image_size": 16}, "`size` must be a whole number of at least 32, got 16"),
        ("discriminator", {"image_size": 0}, "`size` must be a whole number of at least 32, got 0"),
        ("discriminator", {"iterations": 0}, "`--iterations` must be a positive whole number, got 0"),
        ("discriminator", {"report_every": 0}, "`--report-every` must be a positive whole number, got 0"),
        ("train:simple", {"decay": 1.5}, "`decay` must be at most 1, got 1.5"),
        ("train:simple", {"branches": 1}, "`branches` must be a whole number of at least 2, got 1"),
        ("train:simple", {"generator_width": 0}, "`width` must be a positive whole number, got 0"),
        ("train:simple", {"batch": 3, "accumulate": 2}, "`batch` must be a multiple of 2"),
        ("train", {"image_size": 33}, "`size` must be a multiple of 2 pixels, got 33"),
        ("train:vgg", {}, "knows simple, resnet18, got 'vgg'"),
        ("discriminator", {"objective": "best"}, "--objective must be one of paper, code, got 'best'"),
        ("discriminator", {"set_": ["rate=1"]}, "--set rate=1: the objective has adversarial, "),
        ("discriminator", {"set_": ["adversarial=x"]}, "adversarial must be a number"),
        ("discriminator", {"set_": ["zero_distinction=0"]}, "zero_distinction must be true or false"),
        ("discriminator", {"set_": ["mask=x"]}, "`mask` must be one of"),
    ],
)
def test_requests_that_cannot_work(classifier, options, message, tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    if classifier in ("two", "five", "training", "grey", "coloured"):
        classifier = f"{tmp_path / 'model.py'}:{classifier}"
    with pytest.raises(InputError, match=message):
        dxai_command.train(folder(tmp_path / "data"), tmp_path / "run", classifier, **{**SMALL, **options})
    assert not (tmp_path / "run").exists()


def test_data_that_cannot_work(tmp_path, monkeypatch):
    out = tmp_path / "run"
    with pytest.raises(InputError, match="images of at least two classes, got 1"):
        dxai_command.train(folder(tmp_path / "one", ("red",)), out, **SMALL)
    flat = tmp_path / "one" / "red"
    with pytest.raises(InputError, match="must have one folder of pictures for each class"):
        dxai_command.train(flat, out, **SMALL)
    np.save(tmp_path / "images.npy", np.zeros((4, 32, 32, 3), np.uint8))
    with pytest.raises(InputError, match="must have one folder of pictures for each class"):
        dxai_command.train(tmp_path / "images.npy", out, **SMALL)
    broken = folder(tmp_path / "broken") / "red" / "1.png"
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(InputError, match=r"red/1\.png: "):
        dxai_command.train(tmp_path / "broken", out, **SMALL)
    monkeypatch.setattr(dxai_command, "CACHE", 0)  # too many pictures to keep
    with pytest.raises(InputError, match=r"red/1\.png: "):
        dxai_command.train(tmp_path / "broken", out, **SMALL)
    assert not out.exists()


def test_sizes_that_cannot_work(tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    request = tmp_path / "run", f"{tmp_path / 'model.py'}:two"
    options = {**SMALL, "image_size": None}
    with pytest.raises(InputError, match="`size` must be a whole number of at least 32, got 16"):
        dxai_command.train(folder(tmp_path / "small", size=16), *request, **options)
    mixed = folder(tmp_path / "mixed")
    Image.new("RGB", (48, 48)).save(mixed / "red" / "1.png")
    with pytest.raises(InputError, match=r"red/1\.png: its size does not fit: use --image-size"):
        dxai_command.train(mixed, *request, **options)
    dxai_command.train(mixed, *request, **SMALL)


def test_a_grey_classifier(tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    spec = f"{tmp_path / 'model.py'}:grey"
    dxai_command.train(folder(tmp_path / "data"), tmp_path / "run", spec, **SMALL, grey=True)
    assert load_checkpoint(tmp_path / "run")["recipe"]["white"] == [1.0]


def test_a_trained_classifier_is_not_taken_for_another(tmp_path):
    data, out = folder(tmp_path / "data"), tmp_path / "run"
    dxai_command.train(data, out, "train:simple", **SMALL)
    made = json.loads((out / "classifier.json").read_text())
    assert 0 <= made["accuracy"] <= 1 and made["kind"] == "simple" and made["classes"] == ["dull", "red"]
    (out / "checkpoint.pt").unlink()  # as if it had been killed before the first
    for kind, options, message in (
        ("train:simple", {"seed": 1}, "classifier.pt was trained with seed 0, not 1"),
        ("train:resnet18", {}, "with kind 'simple', not 'resnet18'"),
        ("train:simple", {"augmentation": "none"}, "with augmentation 'flip', not 'none'"),
        ("train:simple", {"image_size": 48}, "with size 32, not 48"),
    ):
        with pytest.raises(InputError, match=message):
            dxai_command.train(data, out, kind, **{**SMALL, **options})
    written = (out / "classifier.pt").stat().st_mtime_ns
    dxai_command.train(data, out, "train:simple", **SMALL)
    assert (out / "classifier.pt").stat().st_mtime_ns == written
    (out / "checkpoint.pt").unlink()
    (out / "classifier.pt").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"cannot load the weights .*classifier\.pt"):
        dxai_command.train(data, out, "train:simple", **SMALL)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_one_logit(shape):
    """Its class 1 has the probability σ(s), and the decision is the sign of s."""

    class Model(torch.nn.Module):
        def forward(self, x):
            return x.sum((1, 2, 3)).reshape(shape)

    images = torch.randn(6, 1, 2, 2)
    probabilities = dxai_command.explained_classifier(Model())(images).softmax(1)
    torch.testing.assert_close(probabilities[:, 1], images.sum((1, 2, 3)).sigmoid())
    two = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
    assert torch.equal(dxai_command.explained_classifier(two)(images), two(images))
