"""Noisy copies of images, and any method on them."""

import pytest
import torch

import pyxai
from pyxai.capture.rows import FixedRows
from pyxai.methods import Needs, build, get_method
from pyxai.methods.noise.noisy import mix_ids
from pyxai.methods.request import Request
from pyxai.methods.targets import parse_target
from tests import unfriendly
from tests.methods import oracle
from tests.methods.noise.draws import draws


@pytest.mark.parametrize("of", ["gradient", "saliency", "input_x_gradient"])
def test_mean_square_and_variance_of_any_method(of):
    model, images = unfriendly.build("OverlappingPools"), unfriendly.images(3)
    ids, target = torch.tensor([5, -1, 2**40]), torch.tensor([0, 1, 2])
    noisy = draws(images, ids, 6, 0.15, seed=3)
    maps = torch.stack(
        [pyxai.explain(model, noisy[:, draw].contiguous(), of, target).attribution for draw in range(6)]
    )
    expected = {
        "smoothgrad": (maps.mean(0), maps.std(0) / 6**0.5),
        "smoothgrad_squared": (maps.square().mean(0), maps.square().std(0) / 6**0.5),
        "vargrad": (maps.var(0, correction=0), maps.var(0, correction=0) * (2 / 5) ** 0.5),
    }
    for method, (mean, error) in expected.items():
        found = pyxai.Explainer(model, method, of=of, samples=6, seed=3)(images, target, ids)
        assert oracle.relative_l1(found.attribution, mean) <= 1e-11
        assert oracle.relative_l1(found.standard_error, error) <= 1e-9
        assert found.evaluations.tolist() == [6] * 3


def test_the_wrapped_method_draws_with_the_outer_seed_unless_it_has_its_own():
    model, images = unfriendly.build("Smooth"), unfriendly.images(1)

    def maps(outer, **inner):
        options = {"of": "expected_gradients", "of_options": {"samples": 2} | inner, "noise_scale": 0.0}
        return pyxai.explain(model, images, "smoothgrad", 0, samples=2, seed=outer, **options).attribution

    assert torch.equal(maps(3), maps(3, seed=3))
    assert not torch.equal(maps(3), maps(4))
    assert torch.equal(maps(3, seed=5), maps(4, seed=5))


def test_copies_of_a_sample_get_different_inner_noise():
    model, images = unfriendly.build("Smooth"), unfriendly.images(1)
    found = pyxai.explain(
        model,
        images,
        "vargrad",
        0,
        of="expected_gradients",
        of_options={"samples": 1},
        samples=5,
        noise_scale=0.0,
    )
    assert float(found.attribution.max()) > 0


@pytest.mark.parametrize("rows", [2, 5, 20])
def test_copies_come_in_full_calls_image_by_image(rows):
    images, ids = unfriendly.images(3), torch.tensor([5, -1, 2**40])
    method = build("smoothgrad", {"samples": 4, "seed": 3})
    request = Request(images, parse_target(0, images), ids)
    blocks = list(method.noisy_blocks(FixedRows(rows), request))
    copies, index, draw = (torch.cat(parts) for parts in zip(*blocks, strict=True))
    assert all(len(copies) == rows for copies, _, _ in blocks[:-1])
    assert index.tolist() == [0] * 4 + [1] * 4 + [2] * 4 and draw.tolist() == [0, 1, 2, 3] * 3
    torch.testing.assert_close(copies, draws(images, ids, 4, 0.15, seed=3).flatten(0, 1))


def test_copies_of_a_sample_have_ids_of_their_own():
    found = mix_ids(torch.tensor([7, 7, 8, 8]), torch.tensor([0, 1, 0, 1]))
    assert len(found.unique()) == 4 and found.dtype == torch.int64


def test_what_it_needs_is_what_the_wrapped_method_needs():
    """Of the class, which is asked before there are options, what its default needs."""
    for method in map(get_method, pyxai.list_methods("noise")):
        assert (method.needs, method.per_channel) == (Needs.GRADIENTS, True)
        assert method(of="lrp").needs is Needs.GRAPH
        assert method(of="saliency").per_channel is False


def test_the_wrapped_method_is_made_once():
    """What it derives from a captured graph is kept by the method itself: another would derive it again."""
    method = build("smoothgrad", {"of": "lrp"})
    assert method.inner is method.inner
