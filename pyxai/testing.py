"""Helpers for testing operators: samples, tolerances, comparison with the reference."""

from collections.abc import Iterator

import torch
from torch import Tensor

from pyxai.ops import _define
from pyxai.ops._define import Op

__all__ = [
    "TOLERANCE",
    "assert_close",
    "assert_matches_reference",
    "clone",
    "ops",
    "results",
    "sample_inputs",
    "span",
]

# Relative to the largest expected value of the tensor: a few roundings of the result's dtype.
TOLERANCE = {
    torch.float64: 1e-14,
    torch.float32: 2e-6,
    torch.bfloat16: 8e-3,
    torch.float16: 1e-3,
}


def ops() -> list[Op]:
    """Every registered operator, by name."""
    return [_define.registry[name] for name in sorted(_define.registry)]


def sample_inputs(
    op: Op, device="cpu", dtype=torch.float32, rows: int = 7, shape: tuple[int, ...] = (3, 6, 5)
) -> Iterator[tuple]:
    """Argument tuples for ``op``: ``rows`` rows of element shape ``shape``, reproducible."""
    torch.manual_seed(0)
    yield from op.samples(device, dtype, rows, shape)


def span(x: Tensor) -> Tensor:
    """The memory from the first element of ``x`` to its last, as a vector, gaps included."""
    length = 1 + sum((size - 1) * stride for size, stride in zip(x.shape, x.stride(), strict=True))
    return x.detach().as_strided((length if x.numel() else 0,), (1,))


def clone(args: tuple) -> tuple:
    """The arguments with every tensor copied, strides kept, also where they leave gaps."""
    return tuple(
        span(arg).clone().as_strided(arg.shape, arg.stride()) if isinstance(arg, Tensor) else arg
        for arg in args
    )


def run(function, args: tuple) -> list[Tensor]:
    """Call ``function`` on copies of ``args``: its results, or for an in-place operator the tensors."""
    args = clone(args)
    result = function(*args)
    if result is None:
        return [arg for arg in args if isinstance(arg, Tensor)]
    return results(result)


def results(returned: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
    """What an operator returned, as a list."""
    return list(returned) if isinstance(returned, tuple) else [returned]


def assert_close(actual: Tensor, expected: Tensor) -> None:
    """Shape equal and values within ``TOLERANCE`` of ``actual``'s dtype; ``expected`` may be wider."""
    assert actual.shape == expected.shape
    if not actual.dtype.is_floating_point:
        assert torch.equal(actual, expected)
        return
    difference = (actual.double() - expected.double()).abs()
    largest = expected.double().abs().max() if expected.numel() else 0.0
    assert bool((difference <= TOLERANCE[actual.dtype] * largest).all()), (
        f"differs by {difference.max():.3e} where {TOLERANCE[actual.dtype]:.0e} of {largest:.3e} is allowed"
    )


def assert_matches_reference(op: Op, args: tuple) -> list[Tensor]:
    """The dispatched operator and its reference agree on ``args``: values, dtypes and strides.

    Returns what the operator gives.
    """
    found = run(op.call, args)
    for actual, expected in zip(found, run(op.reference, args), strict=True):
        assert actual.dtype == expected.dtype
        assert actual.stride() == expected.stride()
        assert_close(actual, expected)
    return found
