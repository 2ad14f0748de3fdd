"""Time a method on the user's own model: the bare model (the floor), Captum if it is installed, and pyxai.

Two things timed on a shared machine minutes apart cannot be compared. So everything that is to be compared
runs *interleaved* (A B C A B C …), and a ratio is the median over the rounds of the ratio within a round.
"""

from __future__ import annotations

import dataclasses
import functools
import gc
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from pyxai.explainer import Explainer
from pyxai.methods import Method
from pyxai.methods.gradient.gradient import Gradient
from pyxai.methods.gradient.input_x_gradient import InputXGradient
from pyxai.methods.gradient.saliency import Saliency
from pyxai.methods.noise.smoothgrad import SmoothGrad
from pyxai.methods.path.integrated_gradients import IntegratedGradients
from pyxai.modules import need

ROUNDS = 7
MEASUREMENT = 0.2  # seconds a measurement takes at least
ROWS = (1, 2, 4, 5, 8, 10, 16, 25, 50)  # batch sizes tried for the floor and for a peer

# not its trapezoid, whose weights sum to (steps - 1) / steps
CAPTUM_RULES = {
    "midpoint": "riemann_middle",
    "riemann_left": "riemann_left",
    "riemann_right": "riemann_right",
    "gauss_legendre": "gausslegendre",
}


def synchronise() -> None:
    """Wait for the GPU, so that a clock read next includes the work queued on it."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def interleave(
    functions: dict[str, Callable[[], object]],
    rounds: int = ROUNDS,
    warmup: int = 1,
    at_least: float = MEASUREMENT,
    settle: int = 0,
) -> dict[str, list[float]]:
    """Seconds a call of every function in every round, run one after the other within a round.

    A function is called again until `at_least` seconds have passed: a single short call would be timed with
    the caches as the previous function left them. Before that it is called `settle` times untimed, so that it
    finds the process's freed memory as it leaves it itself. The garbage collector runs between the
    measurements, not in them, and looks only at what is new since the first. `warmup` rounds are thrown away.
    """
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    gc.collect()
    for number in range(warmup + rounds):
        for name, function in functions.items():
            gc.collect(1)
            gc.disable()
            for _ in range(settle):
                function()
            synchronise()
            calls, elapsed, start = 0, 0.0, time.perf_counter()
            while not calls or elapsed < at_least:
                function()
                synchronise()
                calls, elapsed = calls + 1, time.perf_counter() - start
            gc.enable()
            if number >= warmup:
                seconds[name].append(elapsed / calls)
    return seconds


@dataclass(frozen=True)
class Spread:
    """Median with the quartiles and extremes around it."""

    median: float
    low: float
    high: float
    minimum: float
    maximum: float


def spread(values: list[float]) -> Spread:
    """Order statistics of `values`; quartiles by linear interpolation (one value is its own quartile)."""
    low, middle, high = (
        statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    )
    return Spread(middle, low, high, min(values), max(values))


def paired_ratio(seconds: dict[str, list[float]], name: str, reference: str) -> Spread:
    """Spread over the rounds of the time of `name` divided by that of `reference` in the same round."""
    return spread([a / b for a, b in zip(seconds[name], seconds[reference], strict=True)])


def fastest_rows(call: Callable[[int], object], rows: Iterable[int], rounds: int = 3) -> int:
    """The batch size at which `call(batch size)` has the lowest median time."""
    seconds = interleave({str(number): functools.partial(call, number) for number in rows}, rounds)
    return int(min(seconds, key=lambda number: statistics.median(seconds[number])))


def floor(model: nn.Module, images: Tensor, target: Tensor, rows: int | None = None) -> Tensor:
    """Input gradient of the bare eager model: what no explanation by gradients can do without.

    `images` (N, C, H, W) with `target` (N,), `rows` at a time (default all at once); returns (N, C, H, W).
    """
    gradients = []
    for part, classes in zip(
        images.split(rows or len(images)), target.split(rows or len(images)), strict=True
    ):
        part = part.detach().requires_grad_()
        score = model(part).gather(1, classes[:, None]).sum()
        gradients += torch.autograd.grad(score, part)
    return torch.cat(gradients)


def captum_call(
    model: nn.Module, method: Method, images: Tensor, target: Tensor
) -> Callable[[int | None], Tensor] | None:
    """Captum's own computation of ``method``, or None where it has none with the same meaning.

    The function returned takes the number of rows in a model call (None: Captum's default) and gives (N, C,
    H, W).
    """
    peer = _PEERS.get(type(method))
    return peer and peer(model, method, images, target)


def has_batches(method: Method) -> bool:
    """Whether Captum's form of ``method`` has a batch size of its own to be chosen."""
    return type(method) in (IntegratedGradients, SmoothGrad)


def _gradient(model: nn.Module, method: Gradient | Saliency, images: Tensor, target: Tensor):
    from captum import attr

    leaf = images.detach().requires_grad_()  # Captum warns of inputs it must mark itself
    return lambda rows: attr.Saliency(model).attribute(leaf, target, abs=isinstance(method, Saliency))


def _input_x_gradient(model: nn.Module, method: InputXGradient, images: Tensor, target: Tensor):
    from captum import attr

    leaf = images.detach().requires_grad_()
    return lambda rows: attr.InputXGradient(model).attribute(leaf, target).detach()


def _integrated_gradients(model: nn.Module, method: IntegratedGradients, images: Tensor, target: Tensor):
    from captum import attr

    plain = method.steps and method.samples == 1 and isinstance(method.baseline, int | float)
    if not plain or method.rule not in CAPTUM_RULES:
        return None
    return lambda rows: attr.IntegratedGradients(model).attribute(
        images,
        baselines=method.baseline,
        target=target,
        n_steps=method.steps,
        method=CAPTUM_RULES[method.rule],
        internal_batch_size=rows,
    )


def _smoothgrad(model: nn.Module, method: SmoothGrad, images: Tensor, target: Tensor):
    from captum import attr

    if type(method.inner) is not Gradient:
        return None
    noise = method.noise_scale * (images.amax() - images.amin()).item()
    return lambda rows: attr.NoiseTunnel(attr.Saliency(model)).attribute(
        images,
        nt_type="smoothgrad",
        nt_samples=method.samples,
        nt_samples_batch_size=rows,
        stdevs=noise,
        target=target,
        abs=False,
    )


_PEERS: dict[type[Method], Callable[..., Callable[[int | None], Tensor] | None]] = {
    Gradient: _gradient,
    Saliency: _gradient,
    InputXGradient: _input_x_gradient,
    IntegratedGradients: _integrated_gradients,
    SmoothGrad: _smoothgrad,
}
"""By the method's own class: a class that derives from one of these has another meaning."""


@dataclass
class Comparison:
    """Seconds per round of everything compared, and what a reader must know about them."""

    what: str
    seconds: dict[str, list[float]]
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """A table: median time, and its ratio to the floor with quartiles."""
        lines = [self.what, f"{'':26} {'median':>12} {'÷ floor':>9}   quartiles"]
        for name, values in self.seconds.items():
            ratio = paired_ratio(self.seconds, name, "floor")
            milliseconds = f"{1e3 * spread(values).median:.2f} ms"
            lines.append(
                f"{name:26} {milliseconds:>12} {ratio.median:9.3f}   {ratio.low:.3f} … {ratio.high:.3f}"
            )
        return "\n".join([*lines, *self.notes])


def run(
    model: nn.Module,
    images: Tensor,
    method: str = "integrated_gradients",
    *,
    rows: int | None = None,
    precision: str = "fp32",
    rounds: int = ROUNDS,
    **options: Any,
) -> Comparison:
    """Time `method` on `model` and `images` (N, C, H, W) against the floor and, where installed, Captum.

    The floor makes as many forward and backward passes as the explanation made, at its own best batch size.
    Captum runs at its default and at its best batch size, both found here.

    Args:
        model: classifier in eval mode that returns logits (N, classes).
        rows, precision, options: as for `pyxai.Explainer`.
        rounds: interleaved rounds measured, after one to warm up.
    """
    explainer = Explainer(model, method, rows=rows, precision=precision, **options)
    explanation = explainer(images)
    target = explanation.target
    evaluations = max(1, round(explanation.evaluations.double().mean().item()))
    points, classes = images.repeat(evaluations, 1, 1, 1), target.repeat(evaluations)
    sizes = [size for size in ROWS if size <= len(points)]
    best = fastest_rows(lambda size: floor(model, points, classes, size), sizes, rounds=1)
    functions: dict[str, Callable[[], object]] = {"floor": lambda: floor(model, points, classes, best)}
    notes = [f"floor: {evaluations} forward and backward passes an image, {best} rows at a time"]
    try:
        need("captum", "a comparison")
    except ImportError as error:
        notes.append(str(error))
    else:
        peer = captum_call(model, explainer.method, images, target)
        if peer is None:
            notes.append("captum has no method of the same meaning")
        else:
            functions["captum"] = lambda: peer(None)
        if peer and has_batches(explainer.method):
            peer_best = fastest_rows(peer, {max(size, len(images)) for size in sizes}, rounds=1)
            functions[f"captum, {peer_best} rows"] = lambda: peer(peer_best)
    functions["pyxai"] = lambda: explainer(images, target)
    shape = "x".join(map(str, images.shape))
    chosen = ", ".join(
        f"{key}={value}" for key, value in dataclasses.asdict(explainer.method).items() if key in options
    )
    where = f"{precision}, {torch.get_num_threads()} threads"
    what = f"{explainer.method.name}({chosen}) of {type(model).__name__} on {shape}, {where}"
    return Comparison(what, interleave(functions, rounds), notes)
