"""``pyxai dxai evaluate``: one table for a decomposition and the heat maps beside it."""

import json

import pytest

from pyxai.cli.dxai_command import train
from pyxai.cli.dxai_evaluate import COLUMNS, evaluate
from pyxai.engine import InputError
from tests.dxai.test_train_command import SMALL, folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("evaluated")
    train(folder(root / "data"), root / "run", "train:simple", **SMALL)
    return root / "run", folder(root / "test", count=3)


MODEL = """
import torch
class Net(torch.nn.Module):
    def forward(self, x):
        return x.mean((2, 3)).cummax(1).values[:, :2]
def net():
    return Net().eval()
"""


def test_evaluate(made, capsys):
    run, data = made
    evaluate(run, data, methods="saliency", limit=2, rows=3)
    said = capsys.readouterr().out
    table = json.loads((run / "evaluation.json").read_text())
    assert table.keys() == {"dxai", "random", "saliency"}
    assert "4 pictures of 2 classes" in said
    for values in table.values():
        assert values.keys() - {"psnr"} == COLUMNS.keys()
        assert 0 <= values["deletion"] <= 0.2 + 1e-9
        assert 0 <= values["agnostic"] <= 0.5
        assert values["area_absolute"] <= values["area"] or values["area"] == 0
    assert table["dxai"]["psnr"] < 20  # of two steps


def test_heat_maps_that_a_classifier_has_none_of(made, tmp_path, capsys):
    (tmp_path / "model.py").write_text(MODEL)
    evaluate(*made, model=f"{tmp_path / 'model.py'}:net", methods="lrp,saliency", limit=2)
    said = capsys.readouterr().out
    assert "lrp: left out" in said and "\nsaliency " in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"methods": "salency"}, "no method 'salency'"),
        ({"methods": "dxai"}, "--methods names heat maps, not 'dxai'"),
        ({"model": "pyxai.demo.networks:digits"}, "the classifier has 10 classes, the data 2"),
    ],
)
def test_requests_that_cannot_work(made, options, message):
    with pytest.raises(InputError, match=message):
        evaluate(*made, **options)


def test_other_classes(made, tmp_path):
    with pytest.raises(InputError, match="was trained for dull, red, not a, b"):
        evaluate(made[0], folder(tmp_path, ("a", "b")))
    with pytest.raises(InputError, match=r"dxai: no checkpoint.pt in"):
        evaluate(tmp_path, made[1])
