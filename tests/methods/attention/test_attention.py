"""The attention of one block, as its own module computes it."""

import pytest
import torch

import pyxai
from tests import vits


def explained(name, model, images, **options):
    settings = {"upsample": False, "output": vits.VITS[name].output}
    return pyxai.explain(model, images, "attention", **settings | options).attribution[:, 0]


@pytest.mark.parametrize("name", vits.forms())
def test_every_maker(name):
    vit, model, images = vits.VITS[name], vits.build(name), vits.images()
    attentions = [vits.by_heads(part, 2).detach() for part in vits.eager(name, model, images)[0]]
    for block in (0, -1):
        rows = attentions[block].mean(1)
        expected = rows[:, 0] if vit.prefix or (vit.pooled and block == -1) else rows.mean(1)
        found = explained(name, model, images, block=block)
        assert torch.allclose(found, expected[:, vit.prefix :].unflatten(1, (4, 4)), rtol=1e-10, atol=1e-14)


def test_one_head_and_one_token():
    model, images = vits.build("hand"), vits.images()
    attention = vits.by_heads(vits.eager("hand", model, images)[0][1], 2).detach()
    found = explained("hand", model, images, block=1, heads=2, token=5)
    assert torch.allclose(found, attention[:, 2, 5, 1:].unflatten(1, (4, 4)), rtol=1e-10)
    found = explained("hand", model, images, block=1, heads="max")
    assert torch.allclose(found, attention.amax(1)[:, 0, 1:].unflatten(1, (4, 4)), rtol=1e-10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"block": 3}, r"attention: `block` must be in \[-3, 3\), got 3"),
        ({"heads": 4}, r"attention: `heads` must be in \[0, 4\), got 4"),
        ({"heads": "sum"}, "attention: `heads` must be one of 'mean', 'min', 'max', got 'sum'"),
        ({"token": 17}, r"attention: `token` must be in \[0, 17\), the tokens of the block, got 17"),
        ({"token": 1.5}, "attention: `token` must be a whole number, got 1.5"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        explained("hand", vits.build("hand"), vits.images(), **options)
