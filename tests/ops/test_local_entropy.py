"""Local entropy against scikit-image, and what whole-number sums promise: no bit depends on the order."""

import numpy as np
import pytest
import torch

from pyxai.ops import local_entropy
from pyxai.testing import ops, run, sample_inputs


def test_bitwise_equal_to_reference_on_cpu(dtype):
    (op,) = (op for op in ops() if op.name == "local_entropy")
    for args in sample_inputs(op, dtype=dtype, shape=(3, 33, 35)):
        assert torch.equal(run(op.call, args)[0], run(op.reference, args)[0])


@pytest.mark.parametrize("size", [(64, 48), (1, 20), (5, 3), (1, 1)])
@pytest.mark.parametrize("radius", [1, 4, 12])
@pytest.mark.parametrize("disk", [False, True])
def test_against_scikit_image(size, radius, disk):
    rank, morphology = (pytest.importorskip(f"skimage.{name}") for name in ("filters.rank", "morphology"))
    pixels = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8) // 16 * 16
    side = 2 * radius + 1
    footprint = morphology.disk(radius) if disk else np.ones((side, side), np.uint8)
    found = local_entropy(torch.from_numpy(pixels)[None].double() / 255, radius, disk)[0]
    np.testing.assert_allclose(found, rank.entropy(pixels, footprint), atol=1e-8)


def test_turning_the_image_turns_the_map(dtype):
    images = torch.rand(2, 40, 50).to(dtype)
    for disk in (False, True):
        whole = local_entropy(images, 5, disk)
        for turn in (lambda x: x.flip(-1), lambda x: x.flip(-2), lambda x: x.rot90(1, (-2, -1))):
            assert torch.equal(local_entropy(turn(images).contiguous(), 5, disk), turn(whole))


def test_largest_window():
    images = torch.rand(1, 300, 300)
    levels = (images[0, 23:278, 23:278].double() * 255).round().flatten().long().bincount().double()
    share = levels[levels > 0] / levels.sum()
    found = local_entropy(images, 127, False)[0, 150, 150]
    assert float(found) == pytest.approx(float(-(share * share.log2()).sum()), abs=1e-6)


@pytest.mark.parametrize(
    ("images", "radius", "message"),
    [
        (torch.zeros(1, 1, 4, 4), 1, r"`images` must have shape \(N, H, W\), got \(1, 1, 4, 4\)"),
        (torch.zeros(1, 4, 4), 128, r"`radius` must lie in \[0, 127\], got 128"),
        (torch.zeros(1, 4, 4), -1, r"`radius` must lie in \[0, 127\], got -1"),
    ],
)
def test_messages(images, radius, message):
    with pytest.raises(ValueError, match=f"^local_entropy: {message}"):
        local_entropy(images, radius, False)
