"""``pyxai dxai train`` from a tree of pictures, and what it says to input that cannot work."""

import numpy as np
import pytest
from PIL import Image

from pyxai.cli import dxai_command
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
    assert len((out / LOG).read_text().splitlines()) == 3
    with Image.open(out / "samples" / "0000002.png") as sheet:
        assert sheet.size == (4 * 32, 4 * 32)
        assert sheet.mode == ("L" if options.get("grey") else "RGB")
    said = capsys.readouterr().out
    assert "8 images of 32² pixels, 2 classes, on cpu" in said
    assert "2/2" in said
    with pytest.raises(InputError, match="holds a training: continue it with --resume"):
        dxai_command.train(data, out, classifier, **{**SMALL, **options})
    dxai_command.train(data, out, classifier, **{**SMALL, **options, "iterations": 3}, resume=True)
    assert load_checkpoint(out)["iteration"] == 3
    with pytest.raises(InputError, match="was made with seed 0, not 1"):
        dxai_command.train(data, out, classifier, **{**SMALL, **options, "seed": 1}, resume=True)
    (data / "red" / "1.png").rename(data / "red" / "new.png")
    with pytest.raises(InputError, match=r"was made with data '8 pictures, names .*, not '8 pictures"):
        dxai_command.train(data, out, classifier, **{**SMALL, **options}, resume=True)


MODEL = """
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
def training():
    return torch.nn.Sequential(torch.nn.Dropout(), Net(2))
"""


def test_given_classifier(tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    spec = f"{tmp_path / 'model.py'}:two"
    dxai_command.train(folder(tmp_path / "data"), tmp_path / "run", spec, **SMALL)
    assert load_checkpoint(tmp_path / "run")["recipe"]["black"] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("classifier", "options", "message"),
    [
        ("five", {}, "the classifier has 5 classes, the data 2"),
        ("two", {"grey": True}, "--grey: the classifier .* takes RGB images"),
        ("training", {}, "must be in evaluation mode"),
        ("discriminator", {"image_size": 16}, "`size` must be a whole number of at least 32, got 16"),
        ("train", {"image_size": 33}, "`size` must be a multiple of 2 pixels, got 33"),
        ("train:vgg", {}, "knows simple, resnet18, got 'vgg'"),
        ("discriminator", {"objective": "best"}, "--objective must be one of paper, code, got 'best'"),
    ],
)
def test_requests_that_cannot_work(classifier, options, message, tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    if classifier in ("two", "five", "training"):
        classifier = f"{tmp_path / 'model.py'}:{classifier}"
    with pytest.raises(InputError, match=message):
        dxai_command.train(folder(tmp_path / "data"), tmp_path / "run", classifier, **{**SMALL, **options})
    assert not (tmp_path / "run").exists()


def test_data_that_cannot_work(tmp_path):
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
    assert not out.exists()
