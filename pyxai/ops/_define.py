"""Registration of an operator with torch's dispatcher, which is also the fallback.

The reference is registered for every device (``CompositeExplicitAutograd``); the compiled module registers
``CPU`` and ``CUDA`` kernels under the same name and the dispatcher prefers them. Autocast needs no
registration: an operator here keeps its input's dtype and forms sums in float32, so it does the same inside
and outside an autocast region.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from pyxai import _native

NO_CUDA = "compiled without CUDA (nvcc not found, or PYXAI_CUDA=0)"

DETACHED = "must be detached, got a tensor that requires grad: the operator has no derivative by it"

_library = torch.library.Library("pyxai", "FRAGMENT")


@dataclass(frozen=True)
class Op:
    """One registered operator.

    ``samples(device, dtype, rows, shape)`` yields argument tuples for the generic tests: ``rows`` rows of
    element shape ``shape``. ``differentiable`` names the arguments that gradients flow to.
    """

    name: str
    reference: Callable
    samples: Callable[..., Iterator[tuple]]
    differentiable: tuple[str, ...]

    @property
    def in_place(self) -> bool:
        """Whether arguments are changed; its wrapper refuses those that ask for a gradient."""
        return self.call._schema.is_mutable

    @property
    def call(self) -> torch._ops.OpOverload:
        return getattr(torch.ops.pyxai, self.name).default


# By name, so also for a backward whose operator has this one for its own: neither file can import the other.
registry: dict[str, Op] = {}


def define(
    schema: str,
    *,
    reference: Callable,
    fake: Callable,
    samples: Callable[..., Iterator[tuple]],
    backward: Callable | None = None,
    setup_context: Callable | None = None,
    differentiable: tuple[str, ...] = (),
) -> torch._ops.OpOverload:
    """Register ``pyxai::<schema>`` and return it. The arguments are described in docs/adding-an-op.md."""
    name = schema.partition("(")[0]
    _library.define(schema, tags=(torch.Tag.pt2_compliant_tag,))
    _library.impl(name, reference, "CompositeExplicitAutograd")
    torch.library.register_fake(f"pyxai::{name}", fake, lib=_library)
    registry[name] = Op(name, reference, samples, differentiable)
    if not registry[name].in_place:
        torch.library.register_autograd(
            f"pyxai::{name}", _refusing(registry[name], backward), setup_context=setup_context, lib=_library
        )
    return registry[name].call


def _refusing(op: Op, backward: Callable | None) -> Callable:
    """``backward``, with an error for the arguments that no gradient flows to: torch would leave it out."""
    names = [argument.name for argument in op.call._schema.arguments]

    def refusing(ctx: Any, *gradients: Any) -> Any:
        for name, needed in zip(names, ctx.needs_input_grad, strict=True):
            if needed and name not in op.differentiable:
                raise RuntimeError(f"{op.name}: `{name}` {DETACHED}")
        return backward(ctx, *gradients)

    return refusing


def status() -> list[dict[str, str]]:
    """Which implementation each operator runs on, per device.

    Returns one dict per operator and device (``"cpu"``, ``"cuda"``) with keys ``op``, ``device``, ``backend``
    (``"native"`` or ``"reference"``) and ``why`` (empty if native).
    """
    rows = []
    for name in sorted(registry):
        for device in ("cpu", "cuda"):
            native = torch._C._dispatch_has_kernel_for_dispatch_key(f"pyxai::{name}", device.upper())
            backend = "native" if native else "reference"
            rows.append({"op": name, "device": device, "backend": backend, "why": _why(native, device)})
    return rows


def evidence() -> str:
    """How it is known what the CUDA kernels compute, in one sentence or two."""
    archs = _native.build_info().get("cuda_archs")
    if not archs:
        return f"CUDA kernels: none ({_native.missing or NO_CUDA})"
    return (
        f"CUDA kernels: compiled for {archs} and loaded; executed in the tests by an emulation on the CPU, "
        "and the Python above them on a pretended GPU. No run on a GPU is recorded: benchmarks/gpu.sh of the "
        "source tests them on one and then measures."
    )


def _why(native: bool, device: str) -> str:
    if native:
        return ""
    if _native.missing:
        return f"no compiled module ({_native.missing})"
    if device == "cuda" and not _native.build_info()["cuda_archs"]:
        return NO_CUDA
    return f"no {device} kernel"
