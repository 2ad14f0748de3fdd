"""The kinds of operations: real overloads, each in the kind it belongs to and in no other."""

import operator
from itertools import combinations

import pytest
import torch

from pyxai.capture import vocabulary
from pyxai.capture.calls import channel_affine, deviation, instance_norm, result, spatial_mean

aten = torch.ops.aten
KINDS = {name: kind for name, kind in vars(vocabulary).items() if isinstance(kind, frozenset)}
FUNCTIONS = {
    channel_affine,
    deviation,
    instance_norm,
    spatial_mean,
    operator.mul,
    operator.add,
    operator.sub,
    operator.floordiv,
    result(aten.adaptive_max_pool2d.default, 0),
    result(aten.adaptive_max_pool3d.default, 0),
    result(aten.max.dim, 0),
    result(aten.max_pool2d_with_indices.default, 0),
    result(aten.max_pool3d_with_indices.default, 0),
    result(aten.min.dim, 0),
}
# What a rule is looked up by: an operation of two of these would get the rule that is asked for first.
APART = (
    "CONVOLUTIONS", "AFFINE", "AVERAGES", "IDENTITIES", "REARRANGEMENTS", "SUMS", "SCALES", "LARGER",
    "SMALLER", "SELECTIONS", "ACTIVATIONS", "INVERSES", "JUMPS", "MAX_POOLS", "MAXIMA", "MINIMA",
    "LOG_SOFTMAXES", "SOFTMAXES", "NORMALISATIONS", "SIZES", "CREATIONS",
)  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_every_entry_can_be_called(name):
    assert KINDS[name]
    for target in KINDS[name]:
        assert isinstance(target, torch._ops.OpOverload) or target in FUNCTIONS, target


def test_kinds_are_apart():
    for first, second in combinations(APART, 2):
        assert not KINDS[first] & KINDS[second], (first, second)


def test_what_is_shared_is_meant_to_be():
    """A product with a constant is a scale, and a matrix product with one a dense layer."""
    assert {aten.mul.Tensor} == vocabulary.PRODUCTS & vocabulary.SCALES
    assert vocabulary.PRODUCTS & vocabulary.DENSE == vocabulary.MATRIX_PRODUCTS
    assert {aten.linear.default} == vocabulary.DENSE - vocabulary.PRODUCTS


ROWS = torch.arange(1.0, 1 + 2 * 4 * 6 * 6, dtype=torch.float64).reshape(2, 4, 6, 6)
REARRANGED = {
    aten.reshape.default: (ROWS, [2, -1]),
    aten.flatten.using_ints: (ROWS, 1),
    aten.unsqueeze.default: (ROWS, 1),
    aten.squeeze.default: (ROWS[:, :1],),
    aten.squeeze.dim: (ROWS[:, :1], 1),
    aten.squeeze.dims: (ROWS[:, :1, :1], [1, 2]),
    aten.permute.default: (ROWS, [0, 2, 3, 1]),
    aten.transpose.int: (ROWS, 1, 2),
    aten.t.default: (ROWS[0, 0],),
    aten.cat.default: ([ROWS, ROWS], 1),
    aten.stack.default: ([ROWS, ROWS], 1),
    aten.pad.default: (ROWS, [1, 1]),
    aten.constant_pad_nd.default: (ROWS, [1, 2, 0, 1]),
    aten.slice.Tensor: (ROWS, 1, 1, 3),
    aten.select.int: (ROWS, 1, 2),
    aten.index_select.default: (ROWS, 1, torch.tensor([2, 0])),
    aten.flip.default: (ROWS, [3]),
    aten.roll.default: (ROWS, [2], [3]),
    aten.expand.default: (ROWS[:, :1], [-1, 3, -1, -1]),
    aten.repeat.default: (ROWS, [1, 2, 1, 1]),
    aten.reflection_pad2d.default: (ROWS, [1, 2, 1, 0]),
    aten.replication_pad2d.default: (ROWS, [1, 2, 1, 0]),
    aten.im2col.default: (ROWS, [3, 3], [1, 1], [1, 1], [2, 2]),
    aten.unfold.default: (ROWS, 2, 3, 2),
    aten.index.Tensor: (ROWS, [None, torch.tensor([3, 3, 1])]),
    aten.slice_scatter.default: (ROWS, torch.zeros_like(ROWS[:, :2]), 1, 0, 2),
    aten.select_scatter.default: (ROWS, torch.zeros_like(ROWS[:, 0]), 1, 0),
    aten.pixel_shuffle.default: (ROWS, 2),
    aten.pixel_unshuffle.default: (ROWS, 2),
}


def test_a_rearrangement_makes_no_new_values():
    assert REARRANGED.keys() == vocabulary.REARRANGEMENTS
    for target, arguments in REARRANGED.items():
        value = target(*arguments)
        assert set(value.flatten().tolist()) <= {0.0, *ROWS.flatten().tolist()}, target
        if target in vocabulary.RESHAPES:
            assert torch.equal(value.flatten(), arguments[0].flatten()), target


@pytest.mark.parametrize("name", ["LARGER", "SMALLER"])
def test_the_larger_and_the_smaller_of_two(name):
    first, second = torch.tensor([1.0, 4.0]), torch.tensor([3.0, 2.0])
    for target in KINDS[name]:
        assert target(first, second).tolist() == ([3.0, 4.0] if name == "LARGER" else [1.0, 2.0])


@pytest.mark.parametrize("name", ["MAXIMA", "MINIMA"])
def test_the_largest_and_the_smallest_along_an_axis(name):
    values = torch.tensor([[1.0, 4.0], [3.0, 2.0]])
    for target in KINDS[name]:
        assert target(values, 1).tolist() == ([4.0, 3.0] if name == "MAXIMA" else [1.0, 2.0])


def test_creations_do_not_read_values():
    """What is made like a tensor of NaN holds none of them."""
    source, more = (
        torch.full((2, 3), torch.nan),
        {"new_full": ([2], 1.0), "fill": (1.0,), "full_like": (1.0,)},
    )
    for target in vocabulary.CREATIONS:
        name = target.overloadpacket.__name__
        if "empty" not in name:
            shape = ([2],) if name.startswith("new_") else ()
            assert not target(source, *more.get(name, shape)).isnan().any(), name
