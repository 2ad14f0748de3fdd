"""The example's sheet of all methods."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pyxai
from pyxai import _native
from pyxai.render.sheet import GAP, MARGIN, TILE
from tests.engine.conftest import fill_folder, picture

ROOT = Path(__file__).resolve().parents[2]


def sheet(*arguments):
    command = [sys.executable, "-m", "examples.saliency.gallery", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.skipif(_native.missing is not None, reason="no compiled module")
def test_a_column_for_every_method_and_a_row_for_every_picture(tmp_path):
    pytest.importorskip("skimage")
    folder = fill_folder(tmp_path / "photos", 2, size=24)
    picture(5, 40).crop((0, 0, 40, 30)).save(folder / "wide.png")
    done = sheet("--data", folder, "--out", tmp_path / "sheet.png")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "sheet.png")
    pixels = np.asarray(Image.open(tmp_path / "sheet.png"))
    for row in range(3):
        for column in range(1 + len(pyxai.list_methods("saliency"))):
            left, top = MARGIN + column * (TILE + GAP), -MARGIN - (3 - row) * (TILE + GAP)
            tile = pixels[top : top + TILE, left : left + TILE]
            assert tile.shape == (TILE, TILE, 3) and tile[TILE // 2].std() > 10
    assert pixels.shape[1] == left + TILE + MARGIN


def test_some_methods(tmp_path):
    folder = fill_folder(tmp_path / "photos", 3, size=24)
    done = sheet("--data", folder, "--out", tmp_path / "sheet.png", "--methods", "phase", "--count", 1)
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "sheet.png").width == 2 * MARGIN + 2 * TILE + GAP
