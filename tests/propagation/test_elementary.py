"""Each operation that is taken apart computes the same, and every call returns one tensor."""

import math
import operator

import pytest
import torch

from pyxai.capture.calls import result
from pyxai.propagation.elementary import elementary
from tests.graphs import Written, distance, pixels, targets

aten = torch.ops.aten
IMAGES = pixels(3, 6, 4, 4)


def parts(target, *arguments):
    """A graph that multiplies the parts that ``target`` gives of the images."""
    net = Written(IMAGES)
    whole = net.call(target, net.images, *arguments)
    first, second = (net.call(operator.getitem, whole, index) for index in (0, 1))
    return net.module(net.call(aten.mul.Tensor, first, second))


def one(target, *arguments, index=0, rows=False, **settings):
    """A graph that takes one of what ``target`` gives of the images, or of their rows."""
    net = Written(IMAGES)
    source = net.call(aten.flatten.using_ints, net.images, 1, 2) if rows else net.images
    return net.module(net.call(operator.getitem, net.call(target, source, *arguments, **settings), index))


def rows(*window):
    net = Written(IMAGES)
    source = net.call(aten.flatten.using_ints, net.images, 1, 2)
    return net.module(net.call(aten.max_pool1d.default, source, *window))


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
    "max": (lambda: one(aten.max.dim, 1, True), result(aten.max.dim, 0)),
    "min": (lambda: one(aten.min.dim, 1), result(aten.min.dim, 0)),
    "sort": (lambda: one(aten.sort.default, 2, True), result(aten.sort.default, 0)),
    "sort by its name": (lambda: one(aten.sort.stable, dim=1, stable=True), result(aten.sort.stable, 0)),
    "topk": (lambda: one(aten.topk.default, 2, 1), result(aten.topk.default, 0)),
    "kthvalue": (lambda: one(aten.kthvalue.default, 2, 1), result(aten.kthvalue.default, 0)),
    "median": (lambda: one(aten.median.dim, 1), result(aten.median.dim, 0)),
    "smaller of aminmax": (lambda: one(aten.aminmax.default, dim=1), aten.amin.default),
    "larger of aminmax": (lambda: one(aten.aminmax.default, index=1, dim=2, keepdim=True), aten.amax.default),
    "max_pool1d": (lambda: rows([3]), aten.max_pool2d.default),
    "max_pool1d with a window": (lambda: rows([3], [2], [1], [1], True), aten.max_pool2d.default),
    "max_pool1d with places": (
        lambda: one(aten.max_pool1d_with_indices.default, [2], [1], rows=True), aten.max_pool2d.default,
    ),
    "adaptive_max_pool1d": (
        lambda: one(aten.adaptive_max_pool1d.default, [3], rows=True),
        result(aten.adaptive_max_pool2d.default, 0),
    ),
    "sum of absolute values": (
        lambda: padded(aten.linalg_vector_norm.default, 1, [1]), aten.sum.dim_IntList,
    ),
    "largest absolute value": (
        lambda: padded(aten.linalg_vector_norm.default, math.inf, [2, 3], True), aten.amax.default,
    ),
    "smallest absolute value": (
        lambda: padded(aten.linalg_vector_norm.default, -math.inf, [1]), aten.amin.default,
    ),
    "constant_pad_nd": (lambda: padded(aten.constant_pad_nd.default, [1, 2, 0, 1], 0.5), aten.add.Tensor),
    "pad": (lambda: padded(aten.pad.default, [1, 1, 2, 0], "constant", -1.5), aten.add.Tensor),
    "pad by its name": (lambda: padded(aten.pad.default, [1, 1], value=2.0), aten.add.Tensor),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN_APART)
def test_the_parts_compute_the_same(name):
    make, made = TAKEN_APART[name]
    module = make()
    before, images = targets(module), module.graph.find_nodes(op="placeholder")[0].meta["val"]
    apart = elementary(module)
    assert made in targets(apart) and operator.getitem not in targets(apart)
    assert distance(apart(images), module(images)) <= 1e-15
    assert targets(module) == before


TIED = IMAGES.round()  # many values are equal, some zero, and one image is blank
TIED[2] = 0


@pytest.mark.parametrize("name", TAKEN_APART)
def test_the_parts_have_the_same_derivative_between_equal_values(name):
    module, found = TAKEN_APART[name][0](), []
    images = TIED if module(IMAGES).shape[0] == 3 else torch.cat([TIED, TIED[:1]])
    for graph in (module, elementary(module)):
        leaf = images.clone().requires_grad_(True)
        value = graph(leaf)
        found += torch.autograd.grad(value, leaf, pixels(*value.shape, seed=3))
    assert torch.equal(*found)


def test_where_the_largest_is_stays_what_it_was():
    module = one(aten.max.dim, 1, index=1)
    apart = elementary(module)
    assert targets(apart) == [result(aten.max.dim, 1)]
    assert torch.equal(apart(IMAGES), module(IMAGES))


def test_a_call_that_is_taken_apart_keeps_its_names():
    net = Written(IMAGES)
    pool = net.call(aten.max_pool1d.default, net.call(aten.flatten.using_ints, net.images, 1, 2), [2])
    pool.meta["layers"], pool.meta["nn_module_stack"] = ["pool"], {"pool": ("pool", None)}
    (squeeze,) = (node for node in elementary(net.module(pool)).graph.nodes if node.meta.get("layers"))
    assert squeeze.target is aten.squeeze.dim and squeeze.meta["layers"] == ["pool"]


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
