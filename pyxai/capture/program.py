"""A model made ready to be explained at one input shape."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn

from pyxai.capture.attention import AttentionBlock, attention_blocks
from pyxai.capture.backward import OwnBackward, check_alone, check_gradient, own_backward
from pyxai.capture.canonical import canonicalise
from pyxai.capture.classifier import Classifier
from pyxai.capture.derivative import dead_ends, no_gradient
from pyxai.capture.export import CaptureError, export, quiet
from pyxai.capture.fast.affine import split_stem
from pyxai.capture.fast.differentiable import differentiable
from pyxai.capture.fast.pointwise import uses_convolutions
from pyxai.capture.fast.stem import Stem
from pyxai.capture.grid import LAST_MAP, Survey
from pyxai.capture.guards import (
    AGREEMENT,
    ImagesMixed,
    NotDeterministic,
    buffers_kept,
    distance,
    finite_rows,
    one,
    outputs,
)
from pyxai.capture.inner import CapturedInner, HookedInner, Inner
from pyxai.capture.isolated import hooked
from pyxai.capture.layers import off_the_path, shapes_per_image
from pyxai.capture.needs import Needs
from pyxai.capture.output.ends import Below, End, find_end
from pyxai.capture.output.kinds import AUTO, Asked, Output, settle
from pyxai.capture.output.number import Made, made_as_it_is
from pyxai.capture.output.scored import Scored, finish
from pyxai.capture.rows import channels_last, with_mates
from pyxai.capture.single import is_half
from pyxai.capture.split import copy as copied
from pyxai.capture.split import let_go
from pyxai.checks import brief, expect, one_of
from pyxai.locks import Lock

# A trace changes what is global in torch, and so would the checks of one thread fail beside another's.
_ONE_AT_A_TIME = Lock()


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
        layers: names of the layers that were asked for; in place of ``"auto"`` the one that was found.
        survey: tells which layers are maps of the image.
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
    layers: tuple[str, ...] = ()
    survey: Survey | None = None
    per_image: dict[str, tuple[int, ...]] = field(default_factory=dict)
    seen_from: Callable[[dict[str, tuple[int, ...]]], Inner] | None = None
    _prepared: list[tuple[Any, Any]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)
    _inner: dict[tuple[str, ...], Inner] = field(default_factory=dict)
    _carrying: dict[str, bool] = field(default_factory=dict)
    _attention: tuple[AttentionBlock, ...] | None = None

    def prepared(self, owner: Any, make: Callable[[], Any]) -> Any:
        """``make()``, kept for the next call of ``owner``: what a method derives from the graph once."""
        with self._lock:
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

    def attention(self) -> tuple[AttentionBlock, ...]:
        """The attention blocks of the captured graph, in order; their nodes are of ``forward``.

        Raises:
            ValueError: the model runs as it is.
        """
        expect(self.captured, "model", "be captured for its attention to be found", self.reason)
        with self._lock:
            if self._attention is None:
                self._attention = attention_blocks(self.forward, self.survey)
            return self._attention

    def with_scores(
        self,
        forward: Callable[[Tensor], Tensor],
        differentiated: Callable[[Tensor], Tensor],
        classes: int,
    ) -> Program:
        """The same model with other scores (n, classes), as the two functions of images."""
        parts = {"forward": forward, "differentiated": differentiated, "rest": differentiated}
        return dataclasses.replace(self, **parts, stem=Stem(), classes=classes)

    def carries_all(self, layer: str) -> bool:
        """Whether the scores depend on the images through the values of ``layer`` alone."""
        if layer not in self._carrying:
            self._carrying[layer] = self.inner((layer,)).carries_all(with_mates(self.survey.image))
        return self._carrying[layer]

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
            **({"layers": list(self.layers)} if self.layers else {}),
            **({"attention": [block.info() for block in self._attention]} if self._attention else {}),
        }


def capture(
    classifier: Classifier,
    images: Tensor,
    needs: Needs = Needs.GRADIENTS,
    dtype: torch.dtype | None = None,
    layers: Iterable[str] = (),
    asked: Asked = AUTO,
) -> Program:
    """Capture ``classifier`` for images of this shape; run it eagerly where that fails and ``needs`` allows.

    One thread of the process does so at a time. Others may use the model meanwhile, and find it as it is.

    Args:
        needs: what will be asked of the model; where that is its graph, a failure is an error.
        dtype: run gradients in this dtype.
        layers: names of modules that :meth:`Program.inner` can be asked for: nothing is folded across them.
            ``"auto"`` is the last one that is a map of the image.
        asked: what of the output is explained.

    Raises:
        ValueError: the model is random, mixes the images of a batch, changes when it is called or cannot run
            on these, a layer's name is unknown, its output is not of the kind asked for, it cannot be
            captured although ``needs`` asks for its graph, or gradients are asked for and none by the pixels
            can be other than zero.
    """
    with _ONE_AT_A_TIME:
        return _capture(classifier, images, needs, dtype, tuple(layers), asked)


def _capture(
    classifier: Classifier,
    images: Tensor,
    needs: Needs,
    dtype: torch.dtype | None,
    layers: tuple[str, ...],
    asked: Asked,
) -> Program:
    shape = tuple(images.shape[1:])
    survey = Survey(classifier.model, classifier, one(images))
    if classifier.is_function:
        classifier.check_serves(needs)
        given = outputs(classifier, images)
        layers = _named(survey, layers)
        return _eager(
            classifier, survey, images, needs, dtype, "it is no torch.nn.Module", layers, asked, given
        )
    try:
        given = outputs(
            classifier, images
        )  # before it is traced: what it keeps for later calls is no trace's
    except NotDeterministic as error:
        with suppress(CaptureError):
            export(classifier, images)  # which knows what draws random numbers
        raise ValueError(str(error)) from error
    except ImagesMixed as error:
        with buffers_kept(classifier.model):
            if needs >= Needs.GRADIENTS:  # without one, as behind quantised layers, there is more to say
                check_gradient(classifier.model, Below(classifier, None), images)
            raise ValueError(str(error)) from error
    layers = _named(survey, layers)
    per_image = _layer_sizes(classifier, images, layers)
    by_pixels = needs is Needs.GRADIENTS and not layers  # else by the layers

    def eager(reason: str, end: End | None = None) -> Program:
        own = Below(classifier, end)
        if by_pixels:
            check_gradient(classifier.model, own, images)
        name = end.name if end else ""
        program = _eager(classifier, survey, images, needs, dtype, reason, layers, asked, given, name)
        if needs is Needs.GRADIENTS:
            program.mending = check_alone(own, images)
        return program

    try:
        module = export(classifier, images, layers)
        # what is folded is rounded: in half precision the model is compared with what it was before
        compared = copied(module) if is_half(images) else module
        _canonical(classifier.model, module, given, layers)
    except CaptureError as error:
        if needs is Needs.GRAPH:
            raise ValueError(f"`model` must be capturable for this method: {error}") from error
        return eager(str(error))
    end = find_end(module, with_mates(one(images)))
    own = OwnBackward()
    if needs >= Needs.GRADIENTS:
        both, ends = (Below(classifier, end), Below(compared, end)), dead_ends(module.graph)
        own = own_backward(classifier.model, *both, ends, images)
        if by_pixels and own.ends is not None:
            raise no_gradient(own.ends)
        if needs is Needs.GRADIENTS and own.differs and own.runs:
            return eager(own.differs, end)
    values = finite_rows(given[-1][1])
    output = settle(asked, values, end.name if end else "")
    note = f"{own.differs}; its forward pass is what is followed" if own.differs else ""
    made = finish(module, end, output, with_mates(one(images)), needs)
    let_go(module)
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
        layers=layers,
        survey=survey,
        per_image=per_image,
        seen_from=lambda sizes: CapturedInner(module, sizes, lambda part: _cast(differentiable(part), dtype)),
    )
    if dtype is not None:
        _check_precision(program, images)
    return program


def _named(survey: Survey, layers: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the layers, each once, with that of the last map in place of ``"auto"``."""
    return tuple(dict.fromkeys(survey.last_map() if name == LAST_MAP else name for name in layers))


def _layer_sizes(classifier: Classifier, images: Tensor, layers: Iterable[str]) -> dict[str, tuple]:
    """Layer to the shape of what it has for one image; the checks of :func:`shapes_per_image`."""
    if not layers:
        return {}
    with torch.no_grad():
        return shapes_per_image(classifier.model, classifier, with_mates(one(images)), layers)


def _check_precision(program: Program, images: Tensor) -> None:
    image = one(images)
    try:
        program.rest(program.stem.forward(image).to(program.dtype))
    except RuntimeError as error:  # a tensor made in the graph, in the model's own dtype
        raise ValueError(f"`precision` 'bf16' does not suit this model: {error}") from error


def _canonical(model: nn.Module, module: fx.GraphModule, given: list[tuple[Tensor, Tensor]], layers) -> None:
    """Bring ``module`` to its canonical form and make sure it still is the model, by what that has given."""
    try:
        canonicalise(module, frozenset(layers))
        _compare(model, module, given)
    except CaptureError:
        raise
    except Exception as error:  # a form of graph the passes do not know must not stop a gradient method
        raise CaptureError(brief(error)) from error


def _cast(module: nn.Module, dtype: torch.dtype | None) -> nn.Module:
    return module if dtype is None else copy.deepcopy(module).to(dtype)


def _compare(model: nn.Module, module: nn.Module, given: list[tuple[Tensor, Tensor]]) -> None:
    """For all batches, so that a batch size frozen into the graph shows."""
    for batch, theirs in given:
        with torch.no_grad(), quiet():
            ours = module(channels_last(batch))
        if ours.shape != theirs.shape:
            raise CaptureError(
                f"the captured output has shape {tuple(ours.shape)}, not {tuple(theirs.shape)}"
            )
        apart = distance(ours, theirs)
        if apart > AGREEMENT[batch.dtype]:
            hooks = ", ".join(f"`{name}`" if name else "the model itself" for name in hooked(model)[:3])
            cause = f"; the hooks on {hooks} are not part of it" if hooks else ""
            raise CaptureError(f"the captured output differs from the model's by {apart:.1e}{cause}")


def _eager(
    classifier: Classifier,
    survey: Survey,
    images: Tensor,
    needs: Needs,
    dtype: torch.dtype | None,
    reason: str,
    layers: tuple[str, ...],
    asked: Asked,
    given: list[tuple[Tensor, Tensor]],
    end: str = "",
) -> Program:
    """The model as it is.

    Args:
        reason: why it runs so.
        given: some images and what it gives for them.
        end: what its output is known to come from, which cannot be taken off.
    """
    if dtype is not None:
        raise ValueError(f"`precision` 'bf16' needs a captured model: {reason}")

    def raw(points: Tensor) -> Tensor:
        return classifier(points.clone())  # the model may begin with an in-place operation

    values = finite_rows(given[-1][1])
    output = settle(asked, values, end, reason if end else "")
    made = None if asked.call is None else made_as_it_is(asked.call, values, needs >= Needs.GRADIENTS)
    scored = Scored(classifier, output)
    per_image = _layer_sizes(classifier, images, layers)
    for name in layers:
        if not survey.depends(name):
            raise off_the_path(name)

    def forward(points: Tensor) -> Tensor:
        return output.scores(raw(points))

    return Program(
        forward,
        forward,
        Stem(),
        forward,
        reason=reason,
        classes=output.width(values),
        output=output,
        made=made,
        shape=tuple(images.shape[1:]),
        layers=layers,
        survey=survey,
        per_image=per_image,
        seen_from=lambda sizes: HookedInner(scored, classifier.model, sizes),
    )
