"""One table for a decomposition and the heat maps beside it."""

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import pyxai
from pyxai.checks import expect
from pyxai.engine import InputError
from pyxai.engine.decomposition import evaluate as module
from pyxai.engine.decomposition.evaluate import evaluate, heatmap_methods, heatmaps, table_text, told
from pyxai.engine.decomposition.train import begin
from pyxai.engine.models.load import load_model
from pyxai.engine.runner.distributed import World
from pyxai.methods import Method
from pyxai.methods.method import REGISTRY
from pyxai.metrics import decomposition as evaluation
from tests.dxai.conftest import NETWORKS, folder

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
    training = begin(folder(root / "data"), root / "run", "train:simple", World(), **NETWORKS)
    list(training.run(2, report_every=1))
    (root / "model.py").write_text(MODEL.replace("RUN", str(root / "run")))
    return root / "run", folder(root / "test", count=3), f"{root / 'model.py'}:"


def rows_of(run, data, **options) -> dict[str, dict[str, float]]:
    found = evaluate(run, data, **{"methods": "saliency", "limit": 2, "device": "cpu", **options})
    assert json.loads((run / "evaluation.json").read_text()) == found
    return found["methods"]


def same(first: dict[str, float], second: dict[str, float]) -> bool:
    return first == pytest.approx(second, rel=1e-4, abs=1e-6)


def test_rows_by_hand(made):
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
    assert f"4 held-out pictures, {right:.1%} classified right" in told(stored)


def test_rows_at_a_time_change_nothing(made):
    run, data, _ = made
    few, many = rows_of(run, data, rows=1), rows_of(run, data, rows=16)
    assert all(same(few[name], many[name]) for name in many)


def test_a_classifier_with_other_preprocessing(made):
    """The run's own classifier, on inputs in [0, 1], gives the same rows; it is not the one trained for."""
    run, data, models = made
    said = []
    own = rows_of(run, data, tell=said.append)
    assert said == []
    shifted = rows_of(run, data, model=f"{models}shifted", tell=said.append)
    assert said == [f"{run} was trained for a classifier with other weights"]
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

    monkeypatch.setattr(module, "decompose", broken)
    with pytest.raises(ValueError, match="broken"):
        rows_of(*made[:2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"methods": "salency"}, "no method 'salency'"),
        ({"methods": "dxai"}, "--methods names heat maps, not 'dxai'"),
        ({"model": "many"}, "the classifier has 3072 classes, the data 2"),
        ({"model": "grey"}, "was trained on RGB images, the classifier takes L"),
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
    names = heatmap_methods(None)
    assert {"saliency", "integrated_gradients", "lrp", "smoothgrad", "guided_backprop"} <= set(names)
    assert not {"dxai", "cartoonx", "spectral_residual", "layer_lrp", "attribution_visualization"} & set(
        names
    )
    assert {"grad_cam", "neuron_conductance"} <= set(names)  # which explains a class, through all units
    assert not {"neuron_gradient", "neuron_guided_backprop", "neuron_deeplift"} & set(names)
    assert heatmap_methods("cartoonx,lrp") == ["cartoonx", "lrp"]


def test_what_a_method_cannot_do_without_is_told_by_the_method():
    class NeedsAnOption(Method):
        name = "test_needs_an_option"
        folder: str = ""

        def settle(self):
            expect(bool(self.folder), "folder", "be given", repr(self.folder))

        def attribute(self, executor, request):
            raise AssertionError

    class OfUnits(NeedsAnOption):
        name = "test_of_units"
        folder: str = "there"
        units = "units of a layer"

    class OfClasses(OfUnits):
        name = "test_of_classes"
        units = ""

    try:
        names = heatmap_methods(None)
        assert "test_of_classes" in names
        assert not {"test_needs_an_option", "test_of_units"} & set(names)
    finally:
        for method in (NeedsAnOption, OfUnits, OfClasses):
            del REGISTRY[method.name]


def test_every_default_method_runs_by_its_name_alone():
    """Those of attention are left out, with a word each: the classifier has none."""
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    model, said = nn.Sequential(*layers, nn.Linear(4, 2)).eval(), []
    names = heatmap_methods(None)
    found = dict(heatmaps(model, names, torch.rand(2, 3, 8, 8), torch.tensor([0, 1]), 2, said.append))
    without = pyxai.list_methods("attention")
    assert [line.partition(":")[0] for line in said] == without
    assert all("must have attention" in line for line in said)
    assert found.keys() == {"random", *names} - {*without}
    assert all(relevance.shape in ((2, 1, 8, 8), (2, 3, 8, 8)) for relevance in found.values())


def test_a_table_has_its_rows_by_the_first_column():
    table = {"long name": {"a": 2.0, "b": 0.5}, "x": {"a": 1.0, "b": 3.25, "c": 9.0}}
    assert table_text(table, {"a": "first", "b": "second"}).splitlines() == [
        "                    first          second",
        "x                   1.000           3.250",
        "long name           2.000           0.500",
    ]
