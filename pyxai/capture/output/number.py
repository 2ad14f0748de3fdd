"""A callable target: the one number it makes of each image's output, and the gradient of it.

A callable may do by itself what a graph of its operations does not show: look at values, work under
``torch.no_grad()``, read what changes from call to call. So what it makes of some outputs is kept beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from pyxai.capture.backward import agree
from pyxai.capture.derivative import is_connected
from pyxai.checks import brief, expect, shown

Call = Callable[[Tensor], Tensor]
"""One image's output (K, …) to one number."""


def one_number(call: Call, value: Tensor) -> Tensor:
    """What a callable target makes of one image's output: a tensor without axes, of the output's dtype.

    Raises:
        ValueError, TypeError: the callable raises an error, or what it returns is not one real number.
    """
    name, shape = call_name(call), tuple(value.shape)
    try:
        number = call(value.clone())  # it may work in place
    except torch.OutOfMemoryError:  # says nothing against it
        raise
    except Exception as error:  # the user's own code may raise anything
        wanted = f"take one image's output {shape}, as {name} must"
        raise ValueError(f"`target` must {wanted}, got {brief(error)}") from error
    is_tensor = isinstance(number, Tensor)
    expect(is_tensor, "target", f"return a tensor, as {name} must", type(number).__name__, TypeError)
    wanted = f"make one number of an image's output {shape}, as {name} must"
    expect(number.numel() == 1, "target", wanted, f"shape {tuple(number.shape)}")
    expect(not number.is_complex(), "target", f"make a real number, as {name} must", number.dtype, TypeError)
    return number.reshape(()).to(value.dtype)


def numbers(call: Call, values: Tensor) -> Tensor:
    """:func:`one_number` of each of some outputs (n, …): (n, 1)."""
    return torch.stack([one_number(call, value) for value in values])[:, None]


def call_name(call: Call) -> str:
    """``module:qualname`` of a callable; behind the function of a partial one stand its arguments."""
    if isinstance(call, partial):
        given = [*map(shown, call.args), *(f"{name}={shown(value)}" for name, value in call.keywords.items())]
        return f"{call_name(call.func)}({', '.join(given)})"
    owner = call if hasattr(call, "__qualname__") else type(call)
    return f"{owner.__module__}:{owner.__qualname__}"


@dataclass(frozen=True)
class Made:
    """What a callable made of some outputs.

    Attributes:
        values: the outputs, (n, …), as they are explained.
        numbers: (n, 1).
        note: how what is explained differs from the callable, "" where it does not.
    """

    values: Tensor
    numbers: Tensor
    note: str = ""

    def again(self, call: Call) -> bool:
        """Whether the callable still makes the same of them: it may read what has changed."""
        with torch.no_grad():
            now = numbers(call, self.values)
        return torch.allclose(now, self.numbers, rtol=16 * torch.finfo(now.dtype).eps, atol=0, equal_nan=True)


def made(call: Call, values: Tensor) -> Made:
    """Ask a callable what it makes of some outputs (n, …).

    Raises:
        ValueError, TypeError: as of :func:`one_number`, or two calls differ.
    """
    with torch.no_grad():
        first = Made(values, numbers(call, values))
    wanted = f"make the same number of the same output, as {call_name(call)} must"
    expect(first.again(call), "target", wanted, "another at a second call")
    return first


def made_as_it_is(call: Call, values: Tensor, by_gradient: bool) -> Made:
    """As :func:`made`, of a callable whose gradient, if that is asked for, is what autograd makes of it."""
    found = made(call, values)
    if by_gradient and gradient(partial(numbers, call), values) is None:
        raise without_gradient(call, [])
    return found


def gradient(function: Callable[[Tensor], Tensor], values: Tensor) -> Tensor | None:
    """The gradient of numbers (n, 1) by ``values`` (n, …), None where none is led to any of them.

    Raises:
        ValueError: it cannot be computed.
    """
    leaf = values.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        found = function(leaf.clone())
        if not is_connected(found, leaf):
            return None
        try:
            return torch.autograd.grad(found.sum(), leaf, materialize_grads=True)[0]
        except Exception as error:  # the user's own code may raise anything
            raise ValueError(f"`target` must have a gradient for this method, got {brief(error)}") from error


def same_gradient(
    first: Callable[[Tensor], Tensor], second: Callable[[Tensor], Tensor], values: Tensor
) -> bool:
    """Whether rounding explains how far the gradients of two functions are apart, for each of ``values``.

    Args:
        first, second: as of :func:`gradient`.
    """
    found = gradient(first, values), gradient(second, values)
    if any(part is None for part in found):
        return found[0] is found[1]

    def of(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
        near = gradient(function, at)
        return torch.zeros_like(at) if near is None else near

    return agree(partial(of, first), partial(of, second), values, found)


def without_gradient(call: Call, ends: list[str]) -> ValueError:
    """The error for a callable that no gradient passes.

    Args:
        ends: the operations that end it, where they are known.
    """
    place = f"through {', '.join(ends)}" if ends else f"from {call_name(call)}"
    wanted = "have a gradient by the model's output for this method"
    return ValueError(f"`target` must {wanted}, got none {place}")
