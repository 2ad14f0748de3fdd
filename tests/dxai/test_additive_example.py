"""The example of known additions: its data, its measure, and that it runs through."""

import json

import numpy as np
import pytest
from PIL import Image

from examples.dxai import additive

SMALL = [
    "--iterations",
    "2",
    "--discriminator-width",
    "4",
    "--branches",
    "2",
    "--batch",
    "6",
    "--threads",
    "1",
]


@pytest.fixture
def photographs(tmp_path):
    """Files whose names differ by folder and extension only."""
    random = np.random.default_rng(0)
    for number in range(12):
        file = tmp_path / "photographs" / f"{number % 2}" / f"a.{number // 2}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(60, 190, (32, 32, 3), np.uint8)).save(file)
    return tmp_path / "photographs"


@pytest.mark.parametrize(
    ("kind", "enlarge", "classes"), [pytest.param("noise", 2, 2, marks=pytest.mark.slow), ("colour", 1, 3)]
)
def test_it_runs(kind, enlarge, classes, photographs, tmp_path, capsys):
    words = [kind, "--data", photographs, "--test", photographs, "--out", tmp_path / "run"]
    words += ["--json", tmp_path / "result.json", "--enlarge", enlarge, "--held-out", 6]
    words += ["--methods", "saliency", *SMALL]
    additive.main([str(word) for word in words])
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["methods"].keys() == {
        "dxai", "random", "random, signed", "saliency", "saliency, signed",
    }  # fmt: skip
    assert (result["iterations"], result["pictures"], result["recipe"]["size"]) == (2, 6, 32 * enlarge)
    assert result["recipe"]["input_norm"] == (kind == "noise")
    assert result["training_minutes"] > 0 and result["classifier_minutes"] > 0
    assert len(list((tmp_path / "run" / "data").glob("*/*.png"))) == 12  # none overwrote another
    assert len(result["recipe"]["classes"]) == classes
    for row in result["methods"].values():
        assert -1 <= row["correlation"] <= 1 and row["area"] >= 0
    said = capsys.readouterr().out
    assert "6 held-out pictures" in said and "2 steps in" in said


@pytest.mark.parametrize("kind", ["noise", "colour"])
def test_held_out_pictures(kind):
    """The classes come in turn; what was added is known but for rounding."""
    picture = np.random.default_rng(1).integers(60, 190, (32, 32, 3), np.uint8)
    items = [additive.held_out(kind, picture, number, 25.0, 2) for number in range(6)]
    labels = [label for label, _, _ in items]
    if kind == "noise":
        assert labels == ["clean", "noisy"] * 3
        assert all(not added.any() for _, _, added in items[::2])
        assert items[1][2].std() == pytest.approx(25, rel=0.05)
        assert not np.array_equal(items[1][2], items[3][2])
        plain = [picture] * 6
    else:
        assert labels == ["red", "green", "blue"] * 2
        grey = 127.5 + 0.5 * (picture.mean(2, keepdims=True) - 127.5)
        plain = [grey] * 6
    for (_, shown, added), x in zip(items, plain, strict=True):
        assert shown.shape == added.shape == (64, 64, 3)
        assert np.abs(shown - added - additive.enlarged(x, 2)).max() <= 0.5


def test_interrupted_data_is_made_again(photographs, tmp_path):
    (tmp_path / "run" / ".data" / "clean").mkdir(parents=True)
    (tmp_path / "run" / ".data" / "clean" / "half.png").write_bytes(b"")
    tree = additive.make_tree(tmp_path / "run", "noise", photographs, 32, 1, 25.0, None)
    assert sorted(path.name for path in tree.glob("clean/*")) == [f"{n:07d}.png" for n in range(0, 12, 2)]
    assert not (tmp_path / "run" / ".data").exists()
