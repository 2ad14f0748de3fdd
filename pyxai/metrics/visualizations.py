"""How well pictures show what was to be shown: by a layer's values, and by what a model says of them.

Shi, Li & Yamaguchi 2023, §4.2. Pictures are such as ``attribution_visualization`` gives, in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from pyxai.capture.arithmetic import unaffected
from pyxai.capture.classifier import parameter_device, parameter_dtype, unwrap
from pyxai.capture.executor import Executor
from pyxai.capture.output.kinds import Kind
from pyxai.capture.pick import Pick
from pyxai.checks import expect, module_name, naming, per_channel, plain, shown, whole
from pyxai.methods.names import names_of
from pyxai.methods.request import check_images
from pyxai.methods.targets import parse_target
from pyxai.metrics.agreement import pearson
from pyxai.metrics.planes import expect_finite, expect_rows
from pyxai.metrics.scoring import check_options, executor_of

FEW = 10  # classes of a model of which the best alone counts


def visualization_correlation(
    model: nn.Module,
    pictures: Tensor,
    weights: Tensor,
    layer: str,
    *,
    low: Any = 0.0,
    high: Any = 1.0,
    output: Pick | None = None,
    rows: int | None = None,
) -> Tensor:
    """Pearson's correlation of a layer's values for each picture with the weights that it was made for.

    Args:
        model: a classifier in evaluation mode.
        pictures: (N, C, H, W) in [0, 1], in the model's dtype and on its device.
        weights: (N, …), a finite number for each unit of the layer, with the axes that the methods of the
            family ``neuron`` give: attributions, or the layer's values for an image where a picture was to
            show these.
        layer: the name of a module, as the option of ``attribution_visualization``.
        low, high: black and white in the model's input space, one number or one for each channel;
            ``preprocess.black`` and ``preprocess.white`` of a :class:`pyxai.Preprocess`.
        output: as for :class:`pyxai.Explainer`.
        rows: rows of every model call; None for a rule by the size of the pictures.

    Returns (N,) float64; NaN where the weights, or the layer's values, are all the same.

    Raises:
        ValueError, TypeError: an argument is of the wrong kind, a picture leaves [0, 1], or the weights have
            not the layer's shape.
    """
    with naming("visualization_correlation"):
        pictures, weights = plain(pictures), plain(weights)
        points = _points(model, pictures, low, high)
        _check_values("weights", weights, len(points))
        with unaffected(points.device):
            executor = _executor(model, points, layer, output, "auto", rows, says_doubt=False)
            shape = _layer_shape(executor, "weights", weights)
            if not len(points):
                return torch.zeros(0, dtype=torch.float64, device=points.device)
            values = executor.activations(points, (executor.layer,))[executor.layer]
            return pearson(executor.of_images(executor.layer, values).reshape(-1, *shape), weights)


def classification_consistency(
    model: nn.Module | Callable[[Tensor], Any],
    pictures: Tensor,
    target: Any,
    *,
    k: int | None = None,
    low: Any = 0.0,
    high: Any = 1.0,
    output: Pick | None = None,
    output_kind: Kind = "auto",
    rows: int | None = None,
) -> Tensor:
    """Whether the class that a picture was made for is among the k best that the model gives the picture.

    The mean over pictures is the share that the paper tells.

    Args:
        model: a classifier in evaluation mode, or any callable from images (n, C, H, W) to scores (n, K).
        pictures: (N, C, H, W) in [0, 1], in the model's dtype and on its device.
        target: one class for each picture, by number or name, as for :class:`pyxai.Explainer`.
        k: how many of the best classes count; None for 5, and for 1 where there are ten classes or fewer.
        low, high, rows: as for :func:`visualization_correlation`.
        output, output_kind: as for :class:`pyxai.Explainer`.

    Returns (N,) float64: 1 or 0, or between them where other classes have the same score as the last of the
    best: the share of the ways to choose among these that choose the class.

    Raises:
        ValueError, TypeError: an argument is of the wrong kind, a picture leaves [0, 1], or the model has one
            output alone.
    """
    with naming("classification_consistency"):
        pictures = plain(pictures)
        points = _points(model, pictures, low, high)
        classes = _classes(target, points, names_of(unwrap(model)))
        with unaffected(points.device):
            executor = _executor(model, points, None, output, output_kind, rows)
            count = executor.program.classes
            expect(count > 1, "model", "have several classes", count)
            if not len(points):
                return torch.zeros(0, dtype=torch.float64, device=points.device)
            return _among_best(executor.scores(points, executor.rows), classes, k)


def among_best(scores: Tensor, target: Any, k: int | None = None) -> Tensor:
    """Whether a class is among the k with the best scores, as :func:`classification_consistency` asks it.

    Args:
        scores: (N, K) with K > 1, finite.
        target: one class for each row, by number.
        k: None for 5, and for 1 where K is ten or less.

    Returns (N,) float64.

    Raises:
        ValueError, TypeError: an argument is of the wrong kind.
    """
    with naming("among_best"):
        scores = plain(scores)
        expect(isinstance(scores, Tensor), "scores", "be a torch.Tensor", type(scores).__name__, TypeError)
        shape = tuple(scores.shape)
        expect(scores.ndim == 2 and shape[1] > 1, "scores", "have shape (N, K) with K > 1", shape)
        return _among_best(scores.detach(), _classes(target, scores, {}), k)


def scores_of_attributions(
    model: nn.Module,
    images: Tensor,
    attributions: Tensor,
    layer: str,
    *,
    scaled: bool = False,
    output: Pick | None = None,
    output_kind: Kind = "auto",
    rows: int | None = None,
) -> Tensor:
    """The model's scores where attributions stand in the place of a layer's values and it runs on from there.

    Neurons that are excited in proportion to what they count for a class should give it a high score (§4.2);
    ``scores.topk(5)`` lists what they give. What bypasses the layer is as for the images. Attributions sum up
    to a score and may be far smaller than the layer's values, so that a model with biases gives nearly the
    same for all of them; ``scaled`` leaves their proportions alone.

    Args:
        model: a classifier in evaluation mode.
        images: (N, C, H, W), the images that the attributions are of, as the model takes them.
        attributions: (N, …), finite, as for :func:`visualization_correlation`; or other values to run from.
        layer: the name of a module, as the option of ``attribution_visualization``.
        scaled: whether each image's attributions are multiplied first so that their norm is that of the
            layer's own values for the image.
        output, output_kind: as for :class:`pyxai.Explainer`.
        rows: rows of every model call; None for a rule by the size of the images.

    Returns (N, K) in the dtype of the images.

    Raises:
        ValueError, TypeError: an argument is of the wrong kind, or the attributions have not the layer's
            shape.
    """
    with naming("scores_of_attributions"):
        images, attributions = plain(images), plain(attributions)
        inside = unwrap(model)
        check_images(images, parameter_dtype(inside), parameter_device(inside))
        _check_values("attributions", attributions, len(images))
        images = images.detach().clone() if images.is_inference() else images.detach()
        with unaffected(images.device):
            executor = _executor(model, images, layer, output, output_kind, rows)
            _layer_shape(executor, "attributions", attributions)
            if not len(images):
                return images.new_zeros(0, executor.program.classes)
            values = attributions.detach().to(images.dtype)
            if scaled:
                own = executor.activations(images, (executor.layer,))[executor.layer]
                values = _with_norms_of(values, executor.of_images(executor.layer, own))
            if executor.entries(executor.layer) > 1:
                values = values.flatten(0, 1)
            return executor.scores_from(images, {executor.layer: values})


def _points(model: Any, pictures: Any, low: Any, high: Any) -> Tensor:
    """Pictures in [0, 1] as the model takes images."""
    inside = unwrap(model)
    try:
        check_images(pictures, parameter_dtype(inside), parameter_device(inside))
    except (ValueError, TypeError) as error:
        raise type(error)(str(error).replace("`images`", "`pictures`", 1)) from None
    pictures = pictures.detach().clone() if pictures.is_inference() else pictures.detach()
    expect_rows("pictures", "lie in [0, 1]", (pictures >= 0) & (pictures <= 1), "other values")
    black, white = (
        per_channel(name, end, pictures.shape[1], pictures)[:, None, None]
        for name, end in (("low", low), ("high", high))
    )
    return black + (white - black) * pictures


def _executor(
    model: Any,
    images: Tensor,
    layer: str | None,
    output: Pick | None,
    output_kind: Kind,
    rows: int | None,
    says_doubt: bool = True,
) -> Executor:
    """The model in calls of a fixed number of rows, with the layer that it is asked for."""
    check_options(output_kind, rows)
    layers = () if layer is None else (layer,)
    for name in layers:
        module_name("layer", name)
    return executor_of(
        model, images, output, output_kind, rows, len(images), layers=layers, says_doubt=says_doubt
    )


def _layer_shape(executor: Executor, name: str, values: Tensor) -> tuple[int, ...]:
    """The shape of the layer's values for an image, which the given values must have."""
    shape = executor.layer_shape(executor.layer)
    wanted = f"have shape (N, {', '.join(map(str, shape))}), as the layer {executor.layer!r} has"
    expect(tuple(values.shape[1:]) == shape, name, wanted, tuple(values.shape))
    return shape


def _with_norms_of(values: Tensor, others: Tensor) -> Tensor:
    """Values (N, …), each image's as large as the others'; zeros stay zero."""
    wide = torch.promote_types(values.dtype, torch.float32)
    norms, wanted = (part.to(wide).flatten(1).norm(dim=1) for part in (values, others))
    factors = torch.where(norms > 0, wanted / norms, 0.0)
    return (values.to(wide) * factors.reshape(-1, *[1] * (values.ndim - 1))).to(values.dtype)


def _check_values(name: str, values: Any, count: int) -> None:
    expect(isinstance(values, Tensor), name, "be a torch.Tensor", type(values).__name__, TypeError)
    fits = values.ndim > 1 and len(values) == count
    expect(fits, name, f"hold values for {count} pictures", tuple(values.shape))
    expect_finite(name, values)


def _classes(target: Any, rows: Tensor, names: dict[int, str]) -> Tensor:
    """One class for each row, (N,)."""
    parsed = parse_target(plain(target), rows, names)
    given = parsed.fixed is not None and parsed.call is None and parsed.count == 1
    expect(given, "target", "be one class for each picture", shown(target))
    return parsed.fixed[:, 0]


def _among_best(scores: Tensor, classes: Tensor, k: int | None) -> Tensor:
    count = scores.shape[1]
    if k is None:
        k = 1 if count <= FEW else 5
    whole("k", k, 1)
    largest = int(classes.max()) if len(classes) else 0
    expect(largest < count, "target", f"be a class in [0, {count})", largest)
    expect_rows("model", "return finite scores", scores.isfinite(), "NaN or infinity")
    own = scores.gather(1, classes[:, None])
    better, equal = (scores > own).sum(1), (scores == own).sum(1)
    return ((k - better).double() / equal).clamp(0, 1)
