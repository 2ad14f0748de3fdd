"""Each operation that is taken apart computes the same, and every call returns one tensor."""

import operator

import pytest
import torch

from pyxai.capture.elementary import elementary
from tests.graphs import Written, distance, pixels, targets

aten = torch.ops.aten
IMAGES = pixels(3, 6, 4, 4)


def parts(target, *arguments):
    """A graph that multiplies the parts that ``target`` gives of the images."""
    net = Written(IMAGES)
    whole = net.call(target, net.images, *arguments)
    first, second = (net.call(operator.getitem, whole, index) for index in (0, 1))
    return net.module(net.call(aten.mul.Tensor, first, second))


def largest():
    net = Written(IMAGES)
    whole = net.call(aten.max.dim, net.images, 1, True)
    return net.module(net.call(aten.mul.Tensor, net.images, net.call(operator.getitem, whole, 0)))


def half_of_the_batch():
    net = Written(pixels(4, 6, 4, 4))
    half = net.call(operator.floordiv, net.call(aten.sym_size.int, net.images, 0), 2)
    whole = net.call(aten.split.Tensor, net.images, half)
    return net.module(net.call(aten.sub.Tensor, *(net.call(operator.getitem, whole, i) for i in (0, 1))))


def padded(target, *arguments, **settings):
    net = Written(IMAGES)
    return net.module(net.call(target, net.images, *arguments, **settings))


TAKEN_APART = {
    "split": (lambda: parts(aten.split.Tensor, 3, 1), aten.slice.Tensor),
    "split of the batch": (half_of_the_batch, aten.slice.Tensor),
    "split_with_sizes": (lambda: parts(aten.split_with_sizes.default, [2, 2, 2], 1), aten.slice.Tensor),
    "unbind": (lambda: parts(aten.unbind.int, 1), aten.select.int),
    "max": (largest, aten.amax.default),
    "constant_pad_nd": (lambda: padded(aten.constant_pad_nd.default, [1, 2, 0, 1], 0.5), aten.add.Tensor),
    "pad": (lambda: padded(aten.pad.default, [1, 1, 2, 0], "constant", -1.5), aten.add.Tensor),
    "pad by its name": (lambda: padded(aten.pad.default, [1, 1], value=2.0), aten.add.Tensor),
}


@pytest.mark.parametrize("name", TAKEN_APART)
def test_the_parts_compute_the_same(name):
    make, made = TAKEN_APART[name]
    module = make()
    before, images = targets(module), module.graph.find_nodes(op="placeholder")[0].meta["val"]
    apart = elementary(module)
    assert made in targets(apart) and operator.getitem not in targets(apart)
    assert distance(apart(images), module(images)) <= 1e-15
    assert targets(module) == before


@pytest.mark.parametrize("arguments", [([1, 1, 1, 1],), ([1, 1, 1, 1], "reflect")])
def test_a_pad_of_zeros_or_of_pixels_stays(arguments):
    module = padded(aten.pad.default, *arguments)
    assert targets(elementary(module)) == [aten.pad.default]


MASK = torch.tensor([[True, False, True, True], [False] * 4, [True] * 4, [True, True, False, False]])
ATTENTIONS = {
    "plain": ((), {}),
    "scaled": ((), {"scale": 0.3}),
    "causal": ((None, 0.0, True), {}),
    "causal by its name": ((), {"is_causal": True}),
    "mask": ((MASK,), {}),  # its second query has no key
    "added mask": ((pixels(4, 4, seed=5),), {}),
    "mask by its name": ((), {"attn_mask": MASK}),
}


@pytest.mark.parametrize("name", ATTENTIONS)
def test_attention_becomes_two_products_and_a_softmax(name):
    (mask, *more), settings = (ATTENTIONS[name][0] or (None,)), dict(ATTENTIONS[name][1])
    net = Written(pixels(2, 3, 4, 5))
    mask = net.tensor(mask) if mask is not None else None
    if "attn_mask" in settings:
        settings["attn_mask"] = net.tensor(settings["attn_mask"])
    key = net.call(aten.mul.Tensor, net.images, 0.7)
    query = (net.images, key, net.call(aten.flip.default, net.images, [1]))
    attention = aten.scaled_dot_product_attention.default
    positional = () if mask is None and not more else (mask, *more)
    module = net.module(net.call(attention, *query, *positional, **settings))
    apart, images = elementary(module), net.images.meta["val"]
    assert attention not in targets(apart) and targets(apart).count(aten.matmul.default) == 2
    assert distance(apart(images), module(images)) <= 1e-12
    assert all(isinstance(n.meta["val"], torch.Tensor) for n in apart.graph.nodes if n.op == "call_function")


def test_grouped_attention_stays():
    net = Written(pixels(2, 4, 3, 5))
    key = net.call(aten.slice.Tensor, net.images, 1, 0, 2)
    attention = aten.scaled_dot_product_attention.default
    module = net.module(net.call(attention, net.images, key, key, enable_gqa=True))
    assert attention in targets(elementary(module))
