"""A model made ready to be explained at one input shape."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pyxai.capture.backward import OwnBackward, check_alone, check_gradient, own_backward
from pyxai.capture.canonical import canonicalise
from pyxai.capture.classifier import Classifier
from pyxai.capture.derivative import dead_ends, no_gradient
from pyxai.capture.ends import Below, End, find_end
from pyxai.capture.export import CaptureError, export, quiet
from pyxai.capture.fast.affine import split_stem
from pyxai.capture.fast.differentiable import differentiable
from pyxai.capture.fast.pointwise import uses_convolutions
from pyxai.capture.fast.stem import Stem
from pyxai.capture.inner import CapturedInner, HookedInner, Inner
from pyxai.capture.layers import shapes_per_image
from pyxai.capture.needs import Needs
from pyxai.capture.number import Made, made_as_it_is
from pyxai.capture.outputs import AUTO, Asked, Output, settle
from pyxai.capture.rows import with_mates
from pyxai.capture.scored import Scored, finish
from pyxai.capture.single import is_half
from pyxai.capture.split import copy as copied
from pyxai.checks import one_of

# Largest relative distance between the captured and the eager output at which they count as the same model.
AGREEMENT = {torch.float64: 1e-10, torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 2e-2}


@dataclass
class Program:
    """Functions of one model at one input shape.

    Attributes:
        forward: images (n, C, H, W) to what is explained, (n, K), in the model's own precision.
        differentiated: the same function as gradients are taken of it, which may run in ``dtype``.
        stem: the affine layers the model begins with, where running them apart pays.
        rest: the model behind them, in ``dtype``.
        dtype: what points are cast to for ``differentiated`` and ``rest``; None keeps theirs.
        channels_last: whether 4-D inputs are wanted in that memory format.
        captured: whether these are a captured graph or the eager model.
        reason: why not, where it is not.
        mending: whether backward passes need :class:`pyxai.capture.mending.Mending`.
        note: what of the model's own backward pass a captured graph does not follow; "" where nothing is.
        classes: how many scores an image has.
        output: what the model's output means, and what of it the scores are.
        made: what a callable target made of some outputs, where there is one.
        token_linears: "convolution" where linear layers over tokens run as one, see
            :mod:`pyxai.capture.fast.pointwise`.
        per_image: layer to the shape of what it has for one image, of the layers that can be read.
        seen_from: makes the model as seen from some of them.
    """

    forward: Callable[[Tensor], Tensor]
    differentiated: Callable[[Tensor], Tensor]
    stem: Stem
    rest: Callable[[Tensor], Tensor]
    dtype: torch.dtype | None = None
    channels_last: bool = False
    captured: bool = False
    reason: str = ""
    mending: bool = False
    note: str = ""
    classes: int = 0
    output: Output = field(default_factory=Output)
    made: Made | None = None
    token_linears: str = "linear"
    shape: tuple[int, ...] = field(default=())
    per_image: dict[str, tuple[int, ...]] = field(default_factory=dict)
    seen_from: Callable[[dict[str, tuple[int, ...]]], Inner] | None = None
    _prepared: list[tuple[Any, Any]] = field(default_factory=list)
    _inner: dict[tuple[str, ...], Inner] = field(default_factory=dict)

    def prepared(self, owner: Any, make: Callable[[], Any]) -> Any:
        """``make()``, kept for the next call of ``owner``: what a method derives from the graph once."""
        for known, value in self._prepared:
            if known is owner:
                return value
        self._prepared.append((owner, make()))
        return self._prepared[-1][1]

    def inner(self, layers: tuple[str, ...]) -> Inner:
        """The model as seen from ``layers``, which :func:`capture` was told of."""
        if layers not in self._inner:
            for name in layers:
                one_of("layers", name, self.per_image)
            self._inner[layers] = self.seen_from({name: self.per_image[name] for name in layers})
        return self._inner[layers]

    def info(self) -> dict[str, Any]:
        """What was decided, in plain values."""
        return {
            "shape": list(self.shape),
            "captured": self.captured,
            "reason": self.reason,
            "output_kind": self.output.kind,
            "explained": self.output.describe(),
            **({"note": self.note} if self.note else {}),
            "affine_stem": self.stem.deep,
            "channels_last": self.channels_last,
            "token_linears": self.token_linears,
        }


class _ImagesMixed(Exception):
    """A model whose output for an image depends on the others of its batch."""


def capture(
    classifier: Classifier,
    images: Tensor,
    needs: Needs = Needs.GRADIENTS,
    dtype: torch.dtype | None = None,
    layers: Iterable[str] = (),
    asked: Asked = AUTO,
) -> Program:
    """Capture ``classifier`` for images of this shape; run it eagerly where that fails and ``needs`` allows.

    Args:
        needs: what will be asked of the model; where that is its graph, a failure is an error.
        dtype: run gradients in this dtype.
        layers: names of modules that :meth:`Program.inner` can be asked for: nothing is folded across them.
        asked: what of the output is explained.

    Raises:
        ValueError: the model is random, mixes the images of a batch or cannot run on these, a layer's name is
            unknown, its output is not of the kind asked for, it cannot be captured although ``needs`` asks
            for its graph, or gradients are asked for and none by the pixels can be other than zero.
    """
    shape = tuple(images.shape[1:])
    if classifier.is_function:
        classifier.check_serves(needs)
        return _eager(classifier, images, needs, dtype, "it is no torch.nn.Module", layers, asked)
    _check_runs(classifier, images)  # before it is traced: what it keeps for later calls is then no trace's
    per_image = _layer_sizes(classifier, images, layers)
    by_pixels = needs is Needs.GRADIENTS and not layers  # else by the layers

    def eager(reason: str, end: End | None = None) -> Program:
        own = Below(classifier, end)
        if by_pixels:
            check_gradient(classifier.model, own, images)
        program = _eager(classifier, images, needs, dtype, reason, layers, asked, end.name if end else "")
        if needs is Needs.GRADIENTS:
            program.mending = check_alone(own, images)
        return program

    try:
        module = export(classifier, images, tuple(layers))
        # what is folded is rounded: in half precision the model is compared with what it was before
        compared = copied(module) if is_half(images) else module
        values = _canonical(classifier, module, images, layers)
    except _ImagesMixed as error:
        raise ValueError(f"`model` must treat each image alone: {error}") from None
    except CaptureError as error:
        if needs is Needs.GRAPH:
            raise ValueError(f"`model` must be capturable for this method: {error}") from error
        return eager(str(error))
    end = find_end(module, with_mates(_one(images)))
    own = OwnBackward()
    if needs >= Needs.GRADIENTS:
        both, ends = (Below(classifier, end), Below(compared, end)), dead_ends(module.graph)
        own = own_backward(classifier.model, *both, ends, images)
        if by_pixels and own.ends is not None:
            raise no_gradient(own.ends)
        if needs is Needs.GRADIENTS and own.differs and own.runs:
            return eager(own.differs, end)
    output = settle(asked, values, end.name if end else "")
    note = f"{own.differs}; its forward pass is what is followed" if own.differs else ""
    made = finish(module, end, output, with_mates(_one(images)), needs)
    split = split_stem(module)
    stem, rest = (
        (Stem(differentiable(split[0]), images.new_zeros(1, *shape)), split[1]) if split else (Stem(), module)
    )
    differentiated, rest = (_cast(differentiable(part), dtype) for part in (module, rest))
    program = Program(
        forward=module,
        differentiated=differentiated,
        stem=stem,
        rest=rest,
        dtype=dtype,
        channels_last=True,
        captured=True,
        classes=output.width(values),
        output=output,
        made=made,
        note="; ".join(part for part in (note, made.note if made else "") if part),
        token_linears="convolution" if uses_convolutions(differentiated) else "linear",
        shape=shape,
        per_image=per_image,
        seen_from=lambda sizes: CapturedInner(module, sizes, lambda part: _cast(differentiable(part), dtype)),
    )
    if dtype is not None:
        _check_precision(program, images)
    return program


def _one(images: Tensor) -> Tensor:
    """The first image, or a blank one where there is none: (1, C, H, W)."""
    return images[:1] if len(images) else images.new_zeros(1, *images.shape[1:])


def _layer_sizes(classifier: Classifier, images: Tensor, layers: Iterable[str]) -> dict[str, tuple]:
    """Layer to the shape of what it has for one image; the checks of :func:`shapes_per_image`."""
    if not layers:
        return {}
    try:
        with torch.no_grad():
            return shapes_per_image(classifier.model, classifier, with_mates(_one(images)), layers)
    except (TypeError, ValueError):
        raise
    except Exception as error:  # the model's own code may raise anything
        raise ValueError(f"`model` must let its layers be read: {_first_line(error)}") from error


def _check_runs(classifier: Classifier, images: Tensor) -> None:
    """Raise a :class:`ValueError` with the model's reason where it cannot run on such images."""
    try:
        with torch.no_grad():
            classifier(_one(images).clone())
    except (TypeError, ValueError):  # the classifier's, about what the model gives
        raise
    except Exception as error:  # the model's own code may raise anything
        shape = tuple(images.shape[1:])
        raise ValueError(f"`model` cannot take images of shape {shape}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _check_precision(program: Program, images: Tensor) -> None:
    image = _one(images)
    try:
        program.rest(program.stem.forward(image).to(program.dtype))
    except RuntimeError as error:  # a tensor made in the graph, in the model's own dtype
        raise ValueError(f"`precision` 'bf16' does not suit this model: {error}") from error


def _canonical(classifier: Classifier, module: torch.fx.GraphModule, images: Tensor, layers) -> Tensor:
    """Bring ``module`` to its canonical form and make sure it still is the model; the output for images."""
    try:
        canonicalise(module, frozenset(layers))
        return _compare(classifier, module, images)
    except (CaptureError, _ImagesMixed):
        raise
    except Exception as error:  # a form of graph the passes do not know must not stop a gradient method
        raise CaptureError(f"{type(error).__name__}: {error}") from error


def _cast(module: torch.nn.Module, dtype: torch.dtype | None) -> torch.nn.Module:
    return module if dtype is None else copy.deepcopy(module).to(dtype)


def _compare(classifier: Classifier, module: torch.nn.Module, images: Tensor) -> Tensor:
    """Both on one image and on three, so that a batch size frozen into the graph shows; the output for these.

    Raises:
        _ImagesMixed: what the model says of the image depends on the others.
    """
    image = _one(images)
    alone = None
    for batch in (image, torch.cat([image, image.flip(-2), image.flip(-1)])):
        with torch.no_grad():
            with quiet():
                ours = module(batch)
            theirs = classifier(batch.clone())
        if ours.shape != theirs.shape:
            raise CaptureError(
                f"the captured output has shape {tuple(ours.shape)}, not {tuple(theirs.shape)}"
            )
        distance = (ours - theirs).abs().max() / theirs.abs().max().clamp(min=1e-30)
        if not distance <= AGREEMENT[images.dtype]:
            raise CaptureError(f"the captured output differs from the model's by {float(distance):.1e}")
        alone = theirs if alone is None else alone
        distance = (theirs[:1] - alone).abs().max() / theirs.abs().max().clamp(min=1e-30)
        if distance > AGREEMENT[images.dtype]:
            raise _ImagesMixed(f"its output for one differs by {float(distance):.1e} with others beside it")
    return theirs


def _check_alone(forward: Callable[[Tensor], Tensor], scores: Tensor, image: Tensor) -> Tensor:
    """The scores of the image and of others beside it; of itself, ``scores``, where it is taken alone only.

    Raises:
        ValueError: those of the image are others with other images beside it.
    """
    try:
        with torch.no_grad():
            beside = forward(torch.cat([image, image.flip(-2), image.flip(-1)]))
    except Exception:  # it may take one image at a time: the call that needs more will say
        return scores
    distance = (beside[:1] - scores).abs().max() / scores.abs().max().clamp(min=1e-30)
    if distance > AGREEMENT[image.dtype]:
        differs = f"its output for one differs by {float(distance):.1e} with others beside it"
        raise ValueError(f"`model` must treat each image alone: {differs}")
    return beside


def _eager(
    classifier: Classifier,
    images: Tensor,
    needs: Needs,
    dtype: torch.dtype | None,
    reason: str,
    layers: Iterable[str],
    asked: Asked,
    end: str = "",
) -> Program:
    """The model as it is.

    Args:
        reason: why it runs so.
        end: what its output is known to come from, which cannot be taken off.
    """
    if dtype is not None:
        raise ValueError(f"`precision` 'bf16' needs a captured model: {reason}")

    def raw(points: Tensor) -> Tensor:
        return classifier(points.clone())  # the model may begin with an in-place operation

    probe = _one(images)
    with torch.no_grad():
        first, second = raw(probe), raw(probe)
    if not torch.allclose(first, second, rtol=1e-3, equal_nan=True):
        raise ValueError("`model` must be deterministic, but two calls with the same image differ")
    values = _check_alone(raw, first, probe)
    output = settle(asked, values, end, reason if end else "")
    made = None if asked.call is None else made_as_it_is(asked.call, values, needs >= Needs.GRADIENTS)
    scored = Scored(classifier, output)

    def forward(points: Tensor) -> Tensor:
        return output.scores(raw(points))

    return Program(
        forward,
        forward,
        Stem(),
        forward,
        reason=reason,
        classes=output.width(first),
        output=output,
        made=made,
        shape=tuple(images.shape[1:]),
        per_image=_layer_sizes(classifier, images, layers),
        seen_from=lambda sizes: HookedInner(scored, sizes),
    )
