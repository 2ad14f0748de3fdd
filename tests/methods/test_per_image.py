"""Sums of each image by itself."""

import torch

from pyxai.methods.per_image import accumulator, image_l1, image_sum, per_image

MAPS = torch.randn(4, 3, 37, 41)


def test_sums_are_float64_and_do_not_see_the_batch():
    for found, plain in ((image_sum, MAPS.double()), (image_l1, MAPS.double().abs())):
        together = found(MAPS)
        assert together.dtype == torch.float64
        torch.testing.assert_close(together, plain.sum((1, 2, 3)))
        assert torch.equal(together[2:3], found(MAPS[2:3]))


def test_no_images():
    assert image_sum(MAPS[:0]).shape == image_l1(MAPS[:0]).shape == (0,)
    assert len(per_image(lambda image: image, MAPS[:0])) == 0


def test_accumulators_are_zeros_of_float32_at_least():
    for kind, wide in ((torch.bfloat16, torch.float32), (torch.float64, torch.float64)):
        found = accumulator(MAPS.to(kind))
        assert found.dtype == wide and found.shape == MAPS.shape and not found.any()
