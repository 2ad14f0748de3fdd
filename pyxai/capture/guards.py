"""What a model must be like to be explained, found out by calling it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from pyxai.capture.classifier import Classifier
from pyxai.capture.rows import with_mates
from pyxai.checks import brief

# The largest relative distance of two outputs at which they count as the same where sums are taken in another
# order: of the captured and the eager model, and of an image alone and beside others.
AGREEMENT = {torch.float64: 1e-10, torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 2e-2}
PLACES = (1, 3)  # of the image in a batch; a model that sorts its batch cannot leave it in both
REPEATED = 64  # units of the last place: the same for two calls that are alike


class NotDeterministic(ValueError):
    """Two calls of a model differ."""


class ImagesMixed(ValueError):
    """What a model gives for an image depends on those beside it."""


def outputs(classifier: Classifier, images: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Batches and what the model gives: the first of ``images`` alone, and it in two places among others.

    These differ from it and each other in size, sign and spread. Of a model that takes one image at a time
    there is the first batch only.

    Raises:
        NotDeterministic: two calls of the model differ.
        ImagesMixed: what it gives for an image depends on those beside it.
        ValueError: it cannot run on such images, or writes to its buffers when it is called.
    """
    image = one(images)
    with torch.no_grad(), _random_numbers_kept(images.device), buffers_kept(classifier.model) as begin:
        alone = _run(classifier, image)
        begin()  # what it keeps for later calls is there now
        if distance(_run(classifier, image), alone) > REPEATED * torch.finfo(images.dtype).eps:
            differ = "two calls with the same image differ"
            raise NotDeterministic(must(classifier.model, "be deterministic", differ))
        for batch in _batches(image, images[1:][-1:]):
            try:
                values = classifier(batch.clone())
            except Exception:  # pixels of such values may be more than it takes, or more than one image
                continue
            apart = max(distance(values[place : place + 1], alone) for place in PLACES)
            if apart > AGREEMENT[images.dtype]:
                other = f"its output for one differs by {apart:.1e} with others beside it"
                raise ImagesMixed(must(classifier.model, "treat each image alone", other))
            return [(image, alone), (batch, values)]
    return [(image, alone)]


def one(images: Tensor) -> Tensor:
    """The first image, or a blank one where there is none: (1, C, H, W)."""
    return images[:1] if len(images) else images.new_zeros(1, *images.shape[1:])


def distance(values: Tensor, others: Tensor) -> float:
    """How far two outputs are apart, relative to the largest of ``others``; NaN and infinity are alike."""
    if values.shape != others.shape:
        return float("inf")
    values, others = _numbers(values), _numbers(others)
    known = others.isfinite()
    if not torch.equal(values.isfinite(), known):
        return float("inf")
    if not known.any():
        return 0.0
    return float((values - others)[known].abs().max() / others[known].abs().max().clamp(min=1e-30))


def finite_rows(values: Tensor) -> Tensor:
    """Those of the output's rows without NaN and infinity, all where there is none."""
    finite = _numbers(values).isfinite().flatten(1).all(1)
    return values[finite] if finite.any() else values


def _batches(image: Tensor, another: Tensor) -> Iterator[Tensor]:
    """The first has values beyond those of the image on both sides; a model may refuse such.

    Args:
        another: none or one.
    """
    _, near, ramp = with_mates(image).split(1)
    yield torch.cat([4 * near, image, ramp, image, another, -2 * near])
    yield torch.cat([image.flip(-1), image, image.flip(-2), image, another])


def _run(classifier: Classifier, image: Tensor) -> Tensor:
    image = image.clone()
    try:
        returned = classifier.model(image)
    except Exception as error:  # the model's own code may raise anything
        shape = tuple(image.shape[1:])
        raise ValueError(f"`model` cannot take images of shape {shape}: {brief(error)}") from error
    try:
        return classifier.scores(returned, image)
    except (TypeError, ValueError):  # the classifier's, about what the model gives
        raise
    except Exception as error:  # a function that picks the output may raise anything
        raise ValueError(f"`output` must take what the model returns, got {brief(error)}") from error


def must(model: nn.Module, wanted: str, found: str) -> ValueError:
    """The error for a model that is not as it must be; a module in training mode may be why."""
    training = next((name for name, module in model.named_modules() if module.training), None)
    which = f"`{training}`" if training else "it"
    cause = "" if training is None else f"; {which} is in training mode, which may be why: call eval()"
    return ValueError(f"`model` must {wanted}, but {found}{cause}")


def _numbers(values: Tensor) -> Tensor:
    if values.is_quantized:
        values = values.dequantize()
    if values.layout is not torch.strided:
        values = values.to_dense()
    return (torch.view_as_real(values.resolve_conj()) if values.is_complex() else values).double()


@contextmanager
def _random_numbers_kept(device: torch.device) -> Iterator[None]:
    """Torch's generators are afterwards where they were: a model may draw numbers and make no use of them."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


@contextmanager
def buffers_kept(model: nn.Module) -> Iterator[Callable[[], None]]:
    """Raise a :class:`ValueError` where buffers move in the block from the call of what is yielded on.

    Whatever is raised, the buffers are then as they were before the block.
    """
    before = [
        (module, name, buffer, buffer.clone())
        for module in model.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    begun: dict[str, tuple] = {}

    def begin() -> None:
        begun.update({name: _state(buffer) for name, buffer in model.named_buffers()})

    try:
        yield begin
        for name, buffer in model.named_buffers():
            if not _same(begun.get(name), _state(buffer)):
                raise must(model, "leave its buffers alone when it is called", f"it writes to `{name}`")
    except BaseException:
        for module, name, buffer, value in before:
            if getattr(module, name, None) is not buffer:  # the call put another tensor in its place
                setattr(module, name, buffer)
            if buffer.shape != value.shape:
                buffer.data = value
            elif distance(buffer, value):  # what repeats its memory, as after expand(), takes no copy
                buffer.data.copy_(value)
        raise


def _state(buffer: Tensor) -> tuple:
    """What of a buffer changes when it is written to."""
    version = 0 if buffer.is_inference() else buffer._version
    place = buffer.data_ptr() if buffer.layout is torch.strided else id(buffer)
    return (place, version, buffer.shape, buffer.dtype), buffer.clone()


def _same(first: tuple | None, second: tuple) -> bool:
    return first is not None and first[0] == second[0] and distance(first[1], second[1]) == 0
