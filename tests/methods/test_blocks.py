"""The loop over model calls: every image once, in order, in rooms of the right kind."""

import gc
import weakref

import pytest
import torch

from pyxai.capture.rows import FixedRows
from pyxai.methods.blocks import by_blocks
from pyxai.methods.request import Maps

IMAGES = torch.randn(7, 3, 4, 5, dtype=torch.float64)


def explain(rows):
    """Everything a method may tell, from the images alone, in bfloat16 where a model may run in it."""
    own = IMAGES[rows]
    narrow = own.bfloat16()
    return Maps(
        attribution=[narrow, narrow[:, :1] * 2],
        target=torch.arange(7)[rows, None].repeat(1, 2),
        score=narrow.flatten(1)[:, :2],
        evaluations=torch.arange(7)[rows],
        expected=own.flatten(1)[:, :2],
        standard_error=[narrow.abs(), narrow[:, :1].abs()],
        extras={"psnr": [own[:, 0, 0, 0].float()] * 2},
    )


@pytest.mark.parametrize("rows", [1, 3, 7, 8])
def test_parts_are_put_together(rows):
    seen = []
    found = by_blocks(FixedRows(rows), IMAGES, lambda block: seen.append(block) or explain(block))
    assert [number for block in seen for number in range(7)[block]] == list(range(7))
    assert all(block.stop - block.start <= rows for block in seen)
    whole = explain(slice(None))
    for ours, theirs in zip(found.tensors(), whole.tensors(), strict=True):
        assert torch.equal(ours, theirs.to(ours.dtype)) and ours.is_contiguous()
    for ours in (*found.attribution, *found.standard_error, found.score):
        assert ours.dtype == IMAGES.dtype  # that of the images
    assert found.extras["psnr"][0].dtype == torch.float32  # its own


def test_what_a_method_does_not_tell_stays_away():
    found = by_blocks(FixedRows(2), IMAGES, lambda block: Maps([IMAGES[block]]))
    assert torch.equal(found.attribution[0], IMAGES)
    assert found.target is found.score is found.expected is found.evaluations is found.standard_error is None
    assert found.extras == {}


def test_images_are_let_go_at_once():
    """Not by the collection of cycles: of large ones that may be many."""
    images = IMAGES.clone()
    gone = weakref.ref(images)
    gc.disable()
    try:
        by_blocks(FixedRows(2), images, explain)
        del images
        assert gone() is None
    finally:
        gc.enable()
