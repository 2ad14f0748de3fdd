"""Random transforms: each of its own kind, and keyed."""

import math

import pytest
import torch

from pyxai.visualization.transforms import Transforms

STILL = {"jitter": (0, 0), "scale": (1.0, 1.0), "rotate": 0.0, "shear": 0.0}
IDS = torch.tensor([5, 8, 11])
ONE = torch.ones(3, dtype=torch.float64)


def picture(side=224):
    """Three pictures that are the places of their pixels from the centre, across and down."""
    place = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    return torch.stack([place.expand(side, side), place[:, None].expand(side, side)]).expand(3, -1, -1, -1)


def middle(found):
    """Where the four pixels about the centre come from, and how that changes across and down."""
    half = found.shape[-1] // 2
    at = found[..., half - 1 : half + 1, half - 1 : half + 1]
    return at.mean((-1, -2)), at[..., 0, 1] - at[..., 0, 0], at[..., 1, 0] - at[..., 0, 0]


def test_nothing_asked_for_changes_nothing():
    pictures = torch.rand(3, 3, 13, 9, dtype=torch.float64)
    for edge in ("reflection", "zeros"):
        found = Transforms(**STILL, edge=edge)(pictures, IDS, 0, 0)
        torch.testing.assert_close(found, pictures, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("jitter", "most"), [((9, 0), 4.5), ((0, 4), 2), ((9, 4), 6.5)])
def test_jitter_shifts(jitter, most):
    centres = [
        middle(Transforms(**(STILL | {"jitter": jitter}))(picture(), IDS, draw, 0))[0] for draw in range(40)
    ]
    centres = torch.cat(centres).abs()
    assert centres.max() <= most and centres.max() > 0.6 * most


def test_scale_rotation_and_shear():
    for draw in range(10):
        _, across, down = middle(Transforms(**(STILL | {"scale": (0.9, 1.3)}))(picture(), IDS, draw, 0))
        factor = 1 / across[:, 0]
        assert ((factor >= 0.9) & (factor <= 1.3)).all() and torch.allclose(across[:, 0], down[:, 1])
        _, across, down = middle(Transforms(**(STILL | {"rotate": 12.0}))(picture(), IDS, draw, 0))
        angle = torch.atan2(across[:, 1], across[:, 0])
        assert angle.abs().max() <= math.radians(12) and torch.allclose(
            across.norm(dim=1), torch.tensor(1.0).double()
        )
        _, across, down = middle(Transforms(**(STILL | {"shear": 4.0}))(picture(), IDS, draw, 0))
        assert torch.allclose(across[:, 0], ONE) and across[:, 1].abs().max() < 1e-9
        assert down[:, 0].abs().max() <= math.tan(math.radians(4)) + 1e-9


def test_small_pictures_move_in_proportion():
    one = Transforms(**(STILL | {"jitter": (9, 0)}))
    large, small = (middle(one(picture(side), IDS, 0, 0))[0] for side in (224, 56))
    shift = large / 4
    torch.testing.assert_close(small, shift * max(1, 9 / 4) / (9 / 4))


def test_beyond_the_border_is_the_mirror_image_or_nothing():
    pictures = torch.ones(3, 1, 64, 64, dtype=torch.float64)
    small = STILL | {"scale": (0.25, 0.25)}
    assert torch.allclose(Transforms(**small)(pictures, IDS, 0, 0), pictures)
    zeros = Transforms(**small, edge="zeros")(pictures, IDS, 0, 0)
    assert (zeros[:, :, 0] == 0).all() and (zeros[:, :, 32, 32] == 1).all()


def test_a_draw_is_a_function_of_seed_id_and_number():
    pictures = torch.rand(3, 3, 20, 20, dtype=torch.float64)
    transforms = Transforms()
    found = transforms(pictures, IDS, 3, 1)
    assert torch.equal(found[1:2], transforms(pictures[1:2], IDS[1:2], 3, 1))
    assert not torch.equal(found, transforms(pictures, IDS, 4, 1))
    assert not torch.equal(found, transforms(pictures, IDS, 3, 2))


def test_gradients():
    pictures = torch.rand(2, 1, 6, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: Transforms()(x, IDS[:2], 0, 0), pictures)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": (1.3, 0.9)}, "`scale` must be two positive factors in order"),
        ({"jitter": (9, -1)}, "`jitter` must not be negative"),
        ({"rotate": 90}, r"`rotate` must lie in \[0, 90\), got 90"),
        ({"edge": "wrap"}, "`edge` must be 'reflection' or 'zeros', got 'wrap'"),
    ],
)
def test_messages(options, message):
    with pytest.raises(ValueError, match=message):
        Transforms(**options)
