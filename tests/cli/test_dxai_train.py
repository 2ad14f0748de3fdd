"""``pyxai dxai train``: what it prints and leaves behind, and what its options mean."""

import csv

import pytest
from PIL import Image

from pyxai.cli.dxai_train import train
from pyxai.dxai.losses import Objective
from pyxai.dxai.training import LOG, Recipe, load_checkpoint
from pyxai.engine import InputError
from tests.dxai.conftest import MODEL, SMALL, folder


@pytest.mark.parametrize(
    ("classifier", "options"),
    [("discriminator", {}), ("train:simple", {"grey": True}), ("train:simple", {"precision": "bf16"})],
)
def test_train(classifier, options, tmp_path, capsys):
    data, out = folder(tmp_path / "data"), tmp_path / "run"
    train(data, out, classifier, **{**SMALL, **options})
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
        train(data, out, classifier, **{**SMALL, **options})
    train(data, out, classifier, **{**SMALL, **options, "iterations": 3}, resume=True)
    assert load_checkpoint(out)["iteration"] == 3
    with pytest.raises(InputError, match="with seed 0, not 1"):
        train(data, out, classifier, **{**SMALL, **options, "seed": 1}, resume=True)
    (data / "red" / "1.png").rename(data / "red" / "new.png")
    with pytest.raises(InputError, match=r"with data '8 pictures, names .*, not '8 pictures"):
        train(data, out, classifier, **{**SMALL, **options}, resume=True)


def test_given_classifier(tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    spec = f"{tmp_path / 'model.py'}:two"
    changes = ["zero_distinction=false", "distinct_reconstruction=0", "correlation=identity"]
    train(folder(tmp_path / "data"), tmp_path / "run", spec, **SMALL, set_=changes)
    recipe = Recipe.from_json(load_checkpoint(tmp_path / "run")["recipe"])
    assert recipe.black == (0.0, 0.0, 0.0)
    assert recipe.objective == Objective(
        zero_distinction=False, distinct_reconstruction=0.0, correlation="identity"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--iterations", 0], "Invalid value for '--iterations': "),
        (["--report-every", 0], "Invalid value for '--report-every': "),
        (["--precision", "fp8"], "--precision must be one of fp32, bf16, got 'fp8'"),
        (["--objective", "best"], "`objective` must be one of 'paper', 'code', got 'best'"),
        (["--set", "rate=1"], "no option `rate`"),
        (["--data", "nowhere"], "no such file or folder: nowhere"),
    ],
)
def test_requests_that_cannot_work_are_one_line(pyxai, tmp_path, options, message):
    code, out, err = pyxai("dxai", "train", "--data", folder(tmp_path / "data"), "--out", "run", *options)
    assert (code, out) == (2, "")
    assert message in err.strip().splitlines()[-1]
    assert not (tmp_path / "run").exists()
