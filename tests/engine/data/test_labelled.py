"""Pictures with classes, and trees that hold none."""

import numpy as np
import pytest
import torch
from PIL import Image

from pyxai.engine import InputError, Preprocess
from pyxai.engine.data import labelled
from pyxai.engine.data.labelled import labelled_images
from tests.dxai.conftest import folder

SQUARE = Preprocess(32, 32, mean=(0.5,), std=(0.5,))


def test_pictures_labels_and_what_tells_them_from_others(tmp_path):
    tree = folder(tmp_path / "data")
    images, size = labelled_images(tree, SQUARE)
    assert (size, images.classes, images.labels.tolist()) == (32, ("dull", "red"), [0] * 4 + [1] * 4)
    with Image.open(tree / "red" / "3.png") as picture:
        wanted = torch.from_numpy(np.array(picture)).permute(2, 0, 1) / 127.5 - 1
    torch.testing.assert_close(images.read(5), wanted)  # 1, 3, 5, 7 are red
    (tree / "red" / "3.png").rename(tree / "red" / "4.png")
    assert labelled_images(tree, SQUARE)[0].identity != images.identity


@pytest.mark.parametrize("cache", [labelled.CACHE, 0])  # 0: too many pictures to keep
def test_a_damaged_picture_is_known_before_any_work(tmp_path, monkeypatch, cache):
    monkeypatch.setattr(labelled, "CACHE", cache)
    broken = folder(tmp_path) / "red" / "1.png"
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(InputError, match=r"red/1\.png: "):
        labelled_images(tmp_path, SQUARE)


def test_trees_without_classes(tmp_path):
    with pytest.raises(ValueError, match="images of at least two classes, got 1"):
        labelled_images(folder(tmp_path / "one", ("red",)), SQUARE)
    with pytest.raises(InputError, match="must have one folder of pictures for each class"):
        labelled_images(tmp_path / "one" / "red", SQUARE)
    np.save(tmp_path / "images.npy", np.zeros((4, 32, 32, 3), np.uint8))
    with pytest.raises(InputError, match="must have one folder of pictures for each class"):
        labelled_images(tmp_path / "images.npy", SQUARE)


def test_sizes_that_cannot_work(tmp_path):
    with pytest.raises(ValueError, match="`size` must be a whole number of at least 32, got 16"):
        labelled_images(folder(tmp_path / "small", size=16), Preprocess())
    mixed = folder(tmp_path / "mixed")
    Image.new("RGB", (48, 48)).save(mixed / "red" / "1.png")
    with pytest.raises(InputError, match=r"red/1\.png: its size does not fit: use --image-size"):
        labelled_images(mixed, Preprocess())
    labelled_images(mixed, SQUARE)
    Image.new("RGB", (48, 40)).save(mixed / "dull" / "0.png")
    with pytest.raises(InputError, match="pictures must be square, got 40x48: use --image-size"):
        labelled_images(mixed, Preprocess())
