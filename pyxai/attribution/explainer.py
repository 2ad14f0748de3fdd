"""The public face: capture a model once, explain batches of images."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pyxai.attribution import registry
from pyxai.attribution.batch import Batch
from pyxai.attribution.checks import check_ids, check_images
from pyxai.attribution.classical import model_free
from pyxai.attribution.explanation import Explanation, explanation
from pyxai.attribution.targets import Target, parse_target
from pyxai.capture.classifier import (
    Classifier,
    check_evaluation_mode,
    fingerprint,
    parameter_device,
    parameter_dtype,
)
from pyxai.capture.executor import Executor, exact_arithmetic
from pyxai.capture.program import Program, capture
from pyxai.checks import expect, whole

MOST_PROGRAMS = 8  # input shapes whose captures are kept; each may hold a folded copy of the weights
PRECISIONS = {"fp32": None, "bf16": torch.bfloat16}


class Explainer:
    """Explains batches of images with one method; the model is captured once and never changed.

    Args:
        model: a classifier in evaluation mode; not looked at, and may be None, for the classical methods.
        method: a name from :func:`pyxai.methods`.
        output: picks the (N, K) class scores from what the model returns; see
            :class:`pyxai.capture.classifier.Classifier`.
        rows: rows of every model call, fixed so that an image's bits do not depend on its batch mates. None
            settles it at the first call, from the image size and the number of rows that call needs.
        precision: ``bf16`` runs the model in bfloat16, opt-in and only for float32 models; maps are still
            summed in float32.
        options: options of the method.

    Raises:
        ValueError, TypeError: for an unknown method or option, a model in training mode, and, when called,
        images,
            targets or ids of the wrong kind: before any work, as ``method: `argument` must …, got …``.
    """

    def __init__(
        self,
        model: nn.Module | None,
        method: str = "integrated_gradients",
        *,
        output: Callable[[Any], Tensor] | None = None,
        rows: int | None = None,
        precision: Literal["fp32", "bf16"] = "fp32",
        **options: Any,
    ):
        self.options = registry.build(method, options)
        entry = registry.method(method)
        self.method = dataclasses.replace(entry, colour=getattr(self.options, "colour", entry.colour))
        expect(
            precision in PRECISIONS,
            method,
            "precision",
            f"be one of {', '.join(PRECISIONS)}",
            repr(precision),
        )
        with _naming(method):
            if rows is not None:
                whole("rows", rows, 1)
            self._classifier = None if entry.needs == "none" else Classifier(model, output)
            if self._classifier is not None:
                check_evaluation_mode(self._classifier.model)
        self.rows = rows
        self.precision = precision
        self._programs: dict[tuple, Program] = {}
        self._fingerprint: tuple | None = None

    def __call__(self, images: Tensor, target: Any = None, ids: Any = None) -> Explanation:
        """Explain ``images``.

        Args:
            images: (N, C, H, W), finite, in the model's dtype and on its device.
            target: class to explain. None: the predicted one. An int: the same for all. A list or (N,)
                tensor: one an image. (N, T), or ``"top5"`` for the five best: several an image, sharing the
                    model's forward.
            ids: (N,) int64 keys of the noise, so that a sample's draws follow it through any batching;
                default the row number.
        """
        name = self.method.name
        self._check(images)
        parsed = parse_target(name, target, images)
        ids = check_ids(name, ids, images)
        if self._classifier is None:
            if self.rows is None:
                self.rows = fit_rows(default_rows(images.shape, images.device), max(1, len(images)))
            return model_free(self.options, images.detach(), self.rows)
        with _setting(name, images):
            executor, batch = self._request(images, parsed, ids)
            if len(images) == 0:
                return self._empty(batch.images, parsed, ids, executor)
            maps = self.options.attribute(executor, batch)
            return explanation(maps, batch.images, name, parsed.single)

    def report(self, images: Tensor, target: Any = None):
        """What every layer did with relevance, a :class:`pyxai.attribution.propagation.report.Report`.

        Args:
            images: (N, C, H, W) with N > 0, as for a call.
            target: one class an image, as for a call.

        Raises:
            ValueError: the method does not go by rules of relevance, or there are several targets an image.
        """
        name = self.method.name
        expect(hasattr(self.options, "report"), "report", "method", "go by rules of relevance", repr(name))
        self._check(images)
        expect(len(images) > 0, name, "images", "hold at least one image", tuple(images.shape))
        parsed = parse_target(name, target, images)
        expect(parsed.count == 1, name, "target", "be one class an image", f"{parsed.count} classes")
        with _setting(name, images):
            return self.options.report(*self._request(images, parsed, check_ids(name, None, images)))

    def _request(self, images: Tensor, target: Target, ids: Tensor) -> tuple[Executor, Batch]:
        """The captured model and the checked request."""
        images = images.detach().clone() if images.is_inference() else images.detach()
        images = images.contiguous()
        program = self._program(images)
        target.check(self.method.name, program.classes)
        if self.rows is None:
            total = max(1, len(images) * self.options.rows_an_image())
            self.rows = fit_rows(default_rows(images.shape, images.device), total)
        return Executor(program, self.rows), Batch(images, target, ids, self.method.name)

    def prepare(self, images: Tensor) -> None:
        """Capture the model for images of this shape now rather than at the first call."""
        self._check(images)
        if self._classifier is None:
            return
        with _setting(self.method.name, images):
            self._program(images.detach().contiguous())

    @property
    def classes(self) -> int | None:
        """Number of classes of the model; None before it was captured."""
        return next((program.classes for program in self._programs.values()), None)

    def info(self) -> dict[str, Any]:
        """What was decided: method, options, rows, precision, and for each input shape how the model runs."""
        return {
            "method": self.method.name,
            "options": {
                f.name: _plain(getattr(self.options, f.name)) for f in dataclasses.fields(self.options)
            },
            "rows": self.rows,
            "precision": self.precision,
            "threads": torch.get_num_threads(),
            "programs": [program.info() for program in self._programs.values()],
        }

    def _check(self, images: Any) -> None:
        name = self.method.name
        if self._classifier is None:
            check_images(name, images, None, None)
            return
        check_images(name, images, parameter_dtype(self._classifier), parameter_device(self._classifier))
        wide = self.precision == "fp32" or images.dtype == torch.float32
        expect(wide, name, "precision", f"be 'fp32' for a {images.dtype} model", repr(self.precision))

    def _program(self, images: Tensor) -> Program:
        check_evaluation_mode(self._classifier.model)
        current = fingerprint(self._classifier)
        if self._programs and current != self._fingerprint:
            warnings.warn("the model changed since it was captured; capturing it again", stacklevel=4)
            self._programs.clear()
        self._fingerprint = current
        key = (images.shape[1:], images.dtype, images.device)
        if key not in self._programs:
            if len(self._programs) == MOST_PROGRAMS:
                del self._programs[next(iter(self._programs))]
            layer = getattr(self.options, "layer", None)
            self._programs[key] = capture(
                self._classifier,
                images,
                self.method.needs,
                PRECISIONS[self.precision],
                layers=() if layer is None else (layer,),
            )
        return self._programs[key]

    def _empty(self, images: Tensor, target, ids: Tensor, executor: Executor) -> Explanation:
        """No images give results with no rows and the right trailing shape, as from one blank image."""
        blank = torch.zeros(1, *images.shape[1:], dtype=images.dtype, device=images.device)
        asked = (
            target
            if target.fixed is None
            else dataclasses.replace(target, fixed=target.fixed.new_zeros(1, target.count))
        )
        batch = Batch(blank, asked, ids.new_zeros(1), self.method.name)
        return explanation(self.options.attribute(executor, batch), blank, self.method.name, target.single)[
            :0
        ]


@contextmanager
def _naming(method: str) -> Iterator[None]:
    """Errors begin with the name of the method, whoever raised them."""
    try:
        yield
    except (ValueError, TypeError) as error:
        if type(error) not in (ValueError, TypeError) or str(error).startswith(f"{method}: "):
            raise
        raise type(error)(f"{method}: {error}") from error


@contextmanager
def _setting(method: str, images: Tensor) -> Iterator[None]:
    """No autograd but a method's own, no autocast, exact arithmetic, errors of one form."""
    with (
        _naming(method),
        torch.inference_mode(False),
        torch.no_grad(),
        torch.autocast(images.device.type, enabled=False),
        exact_arithmetic(images.device),
    ):
        yield


def explain(
    model: nn.Module | None,
    images: Tensor,
    method: str = "integrated_gradients",
    target: Any = None,
    **options: Any,
) -> Explanation:
    """Explain ``images`` once; :class:`Explainer` documents the arguments and keeps the captured model."""
    return Explainer(model, method, **options)(images, target)


def default_rows(shape: tuple[int, ...], device: torch.device | str = "cpu") -> int:
    """Rows of a model call for images of ``shape`` (…, H, W): a rule, not a measurement, so it never wavers.

    On a CPU about as many pixels as eight 224² images, which stay in its caches; 32 times that on a GPU.
    """
    pixels = 8 * 224 * 224 * (1 if torch.device(device).type == "cpu" else 32)
    most = 64 if torch.device(device).type == "cpu" else 1024
    return max(1, min(most, 2 ** round(math.log2(max(1.0, pixels / (shape[-1] * shape[-2]))))))


def fit_rows(wanted: int, total: int) -> int:
    """The number near ``wanted`` that splits ``total`` rows into full calls with the least padding."""
    if total <= wanted:
        return total
    candidates = range(max(1, math.ceil(wanted / 2)), wanted + wanted // 2 + 1)
    return min(candidates, key=lambda rows: (math.ceil(total / rows) * rows, abs(rows - wanted)))


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return f"tensor of shape {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return list(value)
    return value if isinstance(value, (type(None), bool, int, float, str, dict)) else str(value)
