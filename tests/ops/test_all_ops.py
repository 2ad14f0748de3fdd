"""What must hold for every operator, on every device and dtype. A new operator is picked up by itself."""

import inspect
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import pyxai.ops
from pyxai.ops._define import registry
from pyxai.testing import assert_close, assert_matches_reference, clone, results, run, sample_inputs
from tests.emulation.device import emulation
from tests.emulation.module import MISSING, emulated


def wrapper(op):
    return getattr(pyxai.ops, op.name)


def assert_equal(actual: list[Tensor], expected: list[Tensor]) -> None:
    for one, other in zip(actual, expected, strict=True):
        assert torch.equal(one, other)


def map_tensors(args: tuple, change) -> tuple:
    return tuple(change(arg) if isinstance(arg, Tensor) else arg for arg in args)


def strided(x: Tensor) -> Tensor:
    """The same values with a gap after every element."""
    wide = torch.full((*x.shape, 2), -1, dtype=x.dtype, device=x.device)
    wide[..., 0] = x
    return wide[..., 0]


def channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x


def test_matches_reference(op, device, dtype):
    """And the result is that of float64 arithmetic on the same inputs, rounded."""

    def widen(arg):
        if isinstance(arg, Tensor) and arg.dtype.is_floating_point:
            return arg.double()
        return torch.float64 if isinstance(arg, torch.dtype) else arg

    for args in sample_inputs(op, device, dtype):
        found = assert_matches_reference(op, args)
        for actual, exact in zip(found, run(op.reference, tuple(map(widen, args))), strict=True):
            assert_close(actual, exact)


@pytest.mark.parametrize("shape", [(1,), (1, 1, 1), (3, 1, 1), (5000,), (2, 33, 67), (2, 3, 4, 5)])
def test_shapes(op, device, shape):
    few = 3 if math.prod(shape) > 1000 else 7  # rows of large ones fill several blocks each
    for rows in (1, few):
        for args in sample_inputs(op, device, rows=rows, shape=shape):
            assert_matches_reference(op, args)


@pytest.mark.parametrize(("rows", "shape"), [(0, (3, 6, 5)), (7, (3, 0, 5)), (0, (0,))])
def test_empty(op, device, rows, shape):
    for args in sample_inputs(op, device, rows=rows, shape=shape):
        assert_matches_reference(op, args)


@given(rows=st.integers(0, 9), shape=st.lists(st.integers(1, 12), min_size=1, max_size=4).map(tuple))
def test_any_shape(op, rows, shape):
    for args in sample_inputs(op, rows=rows, shape=shape):
        assert_matches_reference(op, args)


def test_layouts(op, device, dtype):
    """Strides change no value, and in-place operators write through them."""
    for args in sample_inputs(op, device, dtype):
        expected = run(op.call, args)
        for layout in (strided, channels_last):
            assert_equal(assert_matches_reference(op, map_tensors(args, layout)), expected)


def test_mixed_layouts(op, device):
    """Each tensor argument alone in channels_last, the others contiguous."""
    for args in sample_inputs(op, device):
        expected = run(op.call, args)
        for i, arg in enumerate(args):
            if isinstance(arg, Tensor) and arg.dim() == 4:
                assert_equal(run(op.call, (*args[:i], channels_last(arg), *args[i + 1 :])), expected)


@pytest.mark.real_device
def test_opcheck(op, device):
    for args in sample_inputs(op, device):
        differentiable = set(op.differentiable)
        names = [argument.name for argument in op.call._schema.arguments]
        args = tuple(
            arg.requires_grad_() if name in differentiable else arg
            for name, arg in zip(names, args, strict=True)
        )
        torch.library.opcheck(op.call, args)


@pytest.mark.real_device
def test_gradients(op, device):
    if not op.differentiable:
        pytest.skip("not differentiable")
    for args in sample_inputs(op, device, torch.float64, rows=4, shape=(2, 3)):
        names = [argument.name for argument in op.call._schema.arguments]
        for name in op.differentiable:
            args[names.index(name)].requires_grad_()
        assert torch.autograd.gradcheck(wrapper(op), args)


@pytest.mark.real_device
def test_no_gradient_is_left_out(op, device):
    """An argument has a gradient, which the test above compares, or one line says that it has none."""
    names = [argument.name for argument in op.call._schema.arguments]
    for args in sample_inputs(op, device, torch.float64, rows=4, shape=(2, 3)):
        for i, name in enumerate(names):
            if name in op.differentiable or not (isinstance(args[i], Tensor) and args[i].is_floating_point()):
                continue
            given = clone(args)
            given[i].requires_grad_()
            message = rf"^{op.name}: `{name}` must be detached, got a tensor that requires grad: [^\n]+$"
            with pytest.raises((RuntimeError, ValueError), match=message):
                sum(x.sum() for x in results(wrapper(op)(*given))).backward()


@pytest.mark.real_device
def test_autocast(op, device):
    for args in sample_inputs(op, device):
        expected = run(wrapper(op), args)
        with torch.autocast(device, dtype=torch.bfloat16):
            assert_equal(run(wrapper(op), args), expected)


@pytest.mark.real_device
def test_compile(op, device):
    compiled = torch.compile(wrapper(op), fullgraph=True, backend="aot_eager")
    for args in sample_inputs(op, device):
        assert_equal(run(compiled, args), run(wrapper(op), args))


@pytest.mark.real_device
def test_export(op, device):
    for args in sample_inputs(op, device):
        tensors = tuple(arg for arg in args if isinstance(arg, Tensor))

        class Module(torch.nn.Module):
            def forward(self, *given, constants=args):
                given = iter(given)
                return wrapper(op)(*(next(given) if isinstance(arg, Tensor) else arg for arg in constants))

        exported = torch.export.export(Module(), clone(tensors), strict=False).module()
        assert_equal(run(exported, tensors), run(Module(), tensors))


@pytest.mark.real_device
def test_deterministic(op, device):
    for args in sample_inputs(op, device, rows=7, shape=(3, 120, 120)):
        expected = run(op.call, args)
        assert_equal(run(op.call, args), expected)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            assert_equal(run(op.call, args), expected)
        finally:
            torch.set_num_threads(threads)


def split_rows(args: tuple, rows: int, at: int) -> tuple[tuple, tuple]:
    """The arguments of two calls that together hold the same rows."""
    parts = (slice(None, at), slice(at, None))
    return tuple(map_tensors(args, lambda x, p=part: x[p] if x.shape[0] == rows else x) for part in parts)


def check_packing(op, args: tuple, rows: int, at: int) -> None:
    """Rows give the same in one call as in two. ``at`` splits them; ``args`` are used up."""
    first, second = split_rows(args, rows, at)
    if op.call._schema.returns:
        whole, part = (results(op.call(*given)) for given in (args, second))
        assert_equal([values[at:] for values in whole], part)
        return
    changed = [
        i
        for i, argument in enumerate(op.call._schema.arguments)
        if argument.alias_info and argument.alias_info.is_write
    ]
    if all(args[i].shape[0] == rows for i in changed):
        part = clone(second)
        op.call(*part)
        op.call(*args)
        assert_equal([args[i][at:] for i in changed], [part[i] for i in changed])
        return
    start = {i: args[i] for i in changed}
    whole, parts = ({i: x.clone() for i, x in start.items()} for _ in range(2))
    for call, into in ((args, whole), (first, parts), (second, parts)):
        op.call(*(into.get(i, arg) for i, arg in enumerate(call)))
    assert_equal([whole[i] for i in changed], [parts[i] for i in changed])


def test_packing(op, device, dtype):
    """An image's result does not depend on which rows share a call."""
    for args in sample_inputs(op, device, dtype, rows=11):
        check_packing(op, args, rows=11, at=5)


@pytest.mark.slow
@pytest.mark.real_device
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("memory")
def test_int64_sizes(op, device):
    """More than 2^31 elements; what lies beyond is as right as when it comes first. Takes up to 13 GB."""
    if op.name.endswith("_") and op.name[:-1] in registry:
        pytest.skip("the loop of the operator that is not in place")
    rows = 2**11 + 8
    args = next(iter(sample_inputs(op, device, torch.bfloat16, rows=rows, shape=(2**20,))))
    check_packing(op, args, rows, at=2**11)


@pytest.mark.real_device
def test_messages(op, device):
    """A wrong argument is named, with what it must be and what came, before any work."""
    form = rf"^{op.name}: `\w+` must .+, got .+"
    names = list(inspect.signature(wrapper(op)).parameters)
    for args in sample_inputs(op, device):
        for i, (name, arg) in enumerate(zip(names, args, strict=True)):
            if not isinstance(arg, Tensor):
                continue
            wrong = [arg.tolist(), arg.to(torch.complex64), arg[None], arg.to("meta")]
            if arg.dtype == torch.int64:
                wrong.append(arg.int())
            for value in wrong:
                with pytest.raises((TypeError, ValueError), match=form) as error:
                    wrapper(op)(*args[:i], value, *args[i + 1 :])
                assert isinstance(value, Tensor) or f"`{name}` must be a tensor, got list" in str(error.value)


# Their loops on the CPU add in another order than their kernels for CUDA. Both are near the reference.
OTHER_ORDER = {"dwt", "idwt", "obfuscate", "obfuscate_adjoint_"}


def test_emulated_kernels_give_the_bits_of_the_cpu(op, dtype):
    if MISSING or not emulated().has(op.name):
        pytest.skip(f"no {MISSING or 'kernel'}")
    for args in sample_inputs(op, dtype=dtype):
        expected, before = run(op.call, args), emulated().launches()
        with emulation():
            actual = run(op.call, args)
        assert emulated().launches() != before
        if op.name not in OTHER_ORDER:
            assert_equal(actual, expected)


@pytest.mark.gpu
def test_kernels_give_the_bits_of_the_cpu(op, dtype):
    """Noise may be rounded once more."""
    for args in sample_inputs(op, dtype=dtype):
        expected = run(op.call, args)
        actual = [x.cpu() for x in run(op.call, map_tensors(args, lambda x: x.cuda()))]
        if op.name.endswith("_noise"):
            for one, other in zip(actual, expected, strict=True):
                torch.testing.assert_close(one, other, rtol=torch.finfo(dtype).eps, atol=0)
        elif op.name not in OTHER_ORDER:
            assert_equal(actual, expected)


@pytest.mark.gpu
def test_side_stream(op, dtype):
    """Work on a stream of the caller's runs there: behind a long kernel of that stream, not beside it."""
    for args in sample_inputs(op, "cuda", dtype):
        expected = run(op.call, args)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            torch.cuda._sleep(100_000_000)
            actual = run(op.call, args)
        assert not stream.query()
        torch.cuda.current_stream().wait_stream(stream)
        assert_equal(actual, expected)


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="one CUDA device")
def test_second_device(op, dtype):
    """Tensors on cuda:1 while cuda:0 is current."""
    for args in sample_inputs(op, "cuda:1", dtype):
        with torch.cuda.device(0):
            assert_matches_reference(op, args)
