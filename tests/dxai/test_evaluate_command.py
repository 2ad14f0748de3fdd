"""``pyxai dxai evaluate``: one table for a decomposition and the heat maps beside it."""

import csv
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import pyxai
from pyxai.cli import dxai_evaluate
from pyxai.cli.dxai_command import train
from pyxai.cli.dxai_evaluate import evaluate, history, measures
from pyxai.dxai import decomposition
from pyxai.engine import InputError
from pyxai.engine.models.load import load_model
from pyxai.metrics import decomposition as evaluation
from tests.dxai.test_train_command import SMALL, folder

MODEL = """
import torch
from PIL import Image
from pyxai.engine.models.load import load_model
from pyxai.engine.data.preprocess import Preprocess
class Net(torch.nn.Module):
    def forward(self, x):
        return x.mean((2, 3)).cummax(1).values[:, :2]
class Shifted(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.net = load_model("dxai:RUN").model
    def forward(self, x):
        return self.net(2 * x - 1)
def net():
    return Net().eval()
def shifted():
    return Shifted().eval()
def grey():
    return torch.nn.Flatten().eval(), Preprocess(channels="L")
def many():
    return torch.nn.Flatten().eval()
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A short training for a classifier trained before it, its held-out pictures, and models."""
    root = tmp_path_factory.mktemp("evaluated")
    train(folder(root / "data"), root / "run", "train:simple", **SMALL)
    (root / "model.py").write_text(MODEL.replace("RUN", str(root / "run")))
    return root / "run", folder(root / "test", count=3), f"{root / 'model.py'}:"


def rows_of(run, data, **options) -> dict[str, dict[str, float]]:
    evaluate(run, data, **{"methods": "saliency", "limit": 2, "device": "cpu", **options})
    return json.loads((run / "evaluation.json").read_text())["methods"]


def same(first: dict[str, float], second: dict[str, float]) -> bool:
    return first == pytest.approx(second, rel=1e-4, abs=1e-6)


def test_rows_by_hand(made, capsys):
    """Those of the decomposition and of a heat map, signed or not, for the predicted classes."""
    run, data, _ = made
    loaded = load_model(f"dxai:{run}")
    names = [(label, path) for label in ("dull", "red") for path in sorted((data / label).iterdir())[:2]]
    pixels = [np.asarray(Image.open(path)) for _, path in names]
    images = torch.from_numpy(np.stack(pixels).transpose(0, 3, 1, 2)).float() / 127.5 - 1
    target = torch.tensor([0, 0, 1, 1])
    with torch.no_grad():
        predicted = loaded.model(images).argmax(1)

    def wanted(distinct, relevance):
        right = evaluation.accuracies(evaluation.progression(loaded.model, images, distinct), target)
        without = evaluation.accuracies(evaluation.deletion(loaded.model, images, relevance), target)
        return {
            "area": evaluation.area(right, evaluation.BETAS),
            "area_absolute": evaluation.area(right, evaluation.BETAS, relative=False),
            "deletion": evaluation.area(without, evaluation.DELETED),
            "agnostic": evaluation.distance_from_equal(loaded.model, images - distinct).mean().item(),
        }

    for labels, classes in ((False, predicted), (True, target)):
        table = rows_of(run, data, labels=labels)
        assert table.keys() == {"dxai", "random", "saliency"}
        parts = pyxai.explain(loaded.model, images, "dxai", classes, run=str(run))
        psnr = table["dxai"].pop("psnr")
        assert psnr == pytest.approx(parts.extras["psnr"].mean().item(), rel=1e-4)
        assert same(table["dxai"], wanted(parts.attribution, parts.attribution))
        heatmap = pyxai.explain(loaded.model, images, "input_x_gradient", classes).attribution
        for signed, negative in ((False, "clip"), (True, "keep")):
            table = rows_of(run, data, labels=labels, signed=signed, methods="input_x_gradient")
            part = evaluation.heatmap_part(images, heatmap, negative)
            assert same(table["input_x_gradient"], wanted(part, heatmap))
    stored = json.loads((run / "evaluation.json").read_text())
    assert (stored["pictures"], stored["labels"], stored["signed"]) == (4, True, True)
    right = (loaded.model(images).argmax(1) == target).double().mean().item()
    assert (stored["iterations"], stored["accuracy"]) == (2, pytest.approx(right))
    with open(run / "log.csv", newline="") as file:
        seconds = float(list(csv.DictReader(file))[-1]["seconds"])
    assert stored["training_minutes"] * 60 == pytest.approx(seconds)
    fitted = json.loads((run / "classifier.json").read_text())
    assert stored["classifier_minutes"] * 60 == pytest.approx(fitted["seconds"])
    assert f"4 held-out pictures, {right:.1%} classified right" in capsys.readouterr().out


def test_the_history_of_a_run_that_was_cut_short(made, tmp_path):
    """No report yet, or a last one of which a kill left half."""
    run, _, _ = made
    shutil.copy(run / "checkpoint.pt", tmp_path)
    assert history(tmp_path) == {"iterations": 2, "training_minutes": 0, "classifier_minutes": 0}
    (tmp_path / "log.csv").write_text("iteration,seconds,real\n1,6,0.5\n2,")
    assert history(tmp_path)["training_minutes"] == 0.1


def test_rows_at_a_time_change_nothing(made):
    run, data, _ = made
    few, many = rows_of(run, data, rows=1), rows_of(run, data, rows=16)
    assert all(same(few[name], many[name]) for name in many)


def test_deletion_ranks_by_relevance_also_where_the_picture_is_grey():
    """The part w ⊙ x vanishes on mid-grey pixels; they go first all the same if relevance says so."""
    images = torch.zeros(1, 3, 10, 10)
    images[..., 0, 5:] = 1.0
    relevance = torch.zeros(1, 1, 10, 10)
    relevance[..., 0, :5], relevance[..., 0, 5:] = 2.0, 1.0

    def bright(x):
        light = x.sum((1, 2, 3)) - 7.5  # of the 15 values that are one
        return torch.stack([-light, light], 1)

    part = evaluation.heatmap_part(images, relevance)
    row = measures(bright, images, part, relevance, torch.tensor([1]))
    assert row["deletion"] == pytest.approx(0.05 + 0.05 / 2)  # right until a tenth is gone


def test_a_classifier_with_other_preprocessing(made, capsys):
    """The run's own classifier, on inputs in [0, 1], gives the same rows; it is not the one trained for."""
    run, data, models = made
    own = rows_of(run, data)
    assert "other weights" not in capsys.readouterr().err
    shifted = rows_of(run, data, model=f"{models}shifted")
    assert "was trained for a classifier with other weights" in capsys.readouterr().err
    for name in ("dxai", "random"):
        assert same(shifted[name], own[name])


def test_heat_maps_that_a_classifier_has_none_of(made, capsys):
    run, data, models = made
    table = rows_of(run, data, model=f"{models}net", methods="lrp,saliency")
    assert "lrp: left out" in capsys.readouterr().out
    assert table.keys() == {"dxai", "random", "saliency"}


def test_an_error_of_the_decomposition_is_not_swallowed(made, monkeypatch):
    def broken(*_):
        raise ValueError("broken")

    monkeypatch.setattr(decomposition, "decompose", broken)
    with pytest.raises(ValueError, match="broken"):
        rows_of(*made[:2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"methods": "salency"}, "no method 'salency'"),
        ({"methods": "dxai"}, "--methods names heat maps, not 'dxai'"),
        ({"model": "many"}, "the classifier has 3072 classes, the data 2"),
        ({"model": "grey"}, "was trained on RGB images, the classifier takes L"),
        ({"limit": 0}, "`--limit` must be a positive whole number, got 0"),
        ({"rows": 0}, "`--rows` must be a positive whole number, got 0"),
    ],
)
def test_requests_that_cannot_work(made, options, message):
    if "model" in options:
        options = {"model": made[2] + options["model"]}
    with pytest.raises(InputError, match=message):
        evaluate(*made[:2], **options)


def test_other_classes(made, tmp_path):
    with pytest.raises(InputError, match="was trained for dull, red, not a, b"):
        evaluate(made[0], folder(tmp_path, ("a", "b")))
    with pytest.raises(InputError, match=r"^no checkpoint.pt in"):
        evaluate(tmp_path, made[1])


def test_default_methods():
    """All that explain a classifier without more options; none that is slow, free of models, or ours."""
    names = dxai_evaluate.heatmap_methods(None)
    assert {"saliency", "integrated_gradients", "lrp", "smoothgrad", "guided_backprop"} <= set(names)
    assert not {"dxai", "cartoonx", "spectral_residual"} & set(names)
    assert dxai_evaluate.heatmap_methods("cartoonx,lrp") == ["cartoonx", "lrp"]
