"""The public face: capture a model once, explain batches of images."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pyxai.capture.classifier import (
    Classifier,
    check_evaluation_mode,
    fingerprint,
    parameter_device,
    parameter_dtype,
)
from pyxai.capture.executor import Executor, exact_arithmetic
from pyxai.capture.needs import Needs
from pyxai.capture.program import Program, capture
from pyxai.capture.rows import FixedRows, default_rows, fit_rows
from pyxai.checks import expect, naming, one_of, whole
from pyxai.methods.explanation import Explanation, explanation
from pyxai.methods.request import Maps, Request, check_ids, check_images
from pyxai.methods.table import build
from pyxai.methods.targets import Target, parse_target

MOST_PROGRAMS = 8  # input shapes whose captures are kept; each may hold a folded copy of the weights
PRECISIONS = {"fp32": None, "bf16": torch.bfloat16}


class Explainer:
    """Explains batches of images with one method; the model is captured once and never changed.

    Args:
        model: a classifier in evaluation mode. For methods that need scores only, any callable from images
            (n, C, H, W) to scores (n, K). Not looked at, and may be None, for methods that look at the images
            alone.
        method: a name from :func:`pyxai.list_methods`.
        output: picks the (N, K) class scores from what the model returns; see
            :class:`pyxai.capture.classifier.Classifier`.
        rows: rows of every model call, fixed so that an image's bits do not depend on its batch mates. None
            settles it at the first call, from the image size and the number of rows that call needs.
        precision: ``bf16`` runs the model in bfloat16, opt-in and only for float32 models; maps are still
            summed in float32.
        options: options of the method.

    Attributes:
        method: the method with its options, a :class:`pyxai.methods.Method`.

    Raises:
        ValueError, TypeError: for an unknown method or option, a model in training mode, and, when called,
            images, targets or ids of the wrong kind: before any work, as ``method: `argument` must …, got
            …``.
    """

    def __init__(
        self,
        model: nn.Module | Callable[[Tensor], Any] | None,
        method: str = "integrated_gradients",
        *,
        output: Callable[[Any], Tensor] | None = None,
        rows: int | None = None,
        precision: Literal["fp32", "bf16"] = "fp32",
        **options: Any,
    ):
        self.method = build(method, options)
        with naming(self.method.name):
            one_of("precision", precision, PRECISIONS)
            if rows is not None:
                whole("rows", rows, 1)
            self._classifier = None
            if self.method.needs is not Needs.NOTHING:
                self._classifier = Classifier(model, output)
                self._classifier.check_serves(self.method.needs)
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
                tensor: one for each image. (N, T), or ``"top5"`` for the five best: several per image, which
                share the model's forward pass.
            ids: (N,) int64 keys of the noise, so that a sample's draws follow it through any batching;
                default the row number.
        """
        with naming(self.method.name):
            self._check(images)
            parsed, ids = parse_target(target, images), check_ids(ids, images)
            with _setting(images):
                executor, request = self._request(images, parsed, ids)
                if len(images) == 0:
                    return self._empty(executor, request)
                maps = self.method.attribute(executor, request)
                return self._explanation(maps, request)

    def report(self, images: Tensor, target: Any = None):
        """What every layer did with relevance, a :class:`pyxai.propagation.lrp.report.Report`.

        Args:
            images: (N, C, H, W) with N > 0, as for a call.
            target: one class for each image, as for a call.

        Raises:
            ValueError: the method does not go by rules of relevance, or there are several targets per image.
        """
        with naming(self.method.name):
            self._check(images)
            expect(len(images) > 0, "images", "hold at least one image", tuple(images.shape))
            parsed = parse_target(target, images)
            expect(parsed.count == 1, "target", "be one class for each image", f"{parsed.count} classes")
            with _setting(images):
                return self.method.report(*self._request(images, parsed, check_ids(None, images)))

    def _request(self, images: Tensor, target: Target, ids: Tensor) -> tuple[FixedRows, Request]:
        """The model, if the method needs one, in calls of a fixed number of rows, and the checked request."""
        images = images.detach().clone() if images.is_inference() else images.detach()
        images = images.contiguous()
        program = None if self._classifier is None else self._program(images)
        if program is not None:
            target.check(program.classes)
        if self.rows is None:
            total = max(1, len(images) * self.method.evaluations_per_image())
            self.rows = fit_rows(default_rows(images.shape, images.device), total)
        executor = FixedRows(self.rows) if program is None else Executor(program, self.rows)
        return executor, Request(images, target, ids)

    def prepare(self, images: Tensor) -> None:
        """Capture the model for images of this shape now rather than at the first call."""
        with naming(self.method.name):
            self._check(images)
            if self._classifier is not None:
                with _setting(images):
                    self._program(images.detach().contiguous())

    @property
    def classes(self) -> int | None:
        """Number of classes of the model; None before it was captured."""
        return next((program.classes for program in self._programs.values()), None)

    def info(self) -> dict[str, Any]:
        """What was decided: method, options, rows, precision, and for each input shape how the model runs."""
        return {
            "method": self.method.name,
            "options": {name: _plain(getattr(self.method, name)) for name in self.method.options()},
            "rows": self.rows,
            "precision": self.precision,
            "threads": torch.get_num_threads(),
            "programs": [program.info() for program in self._programs.values()],
        }

    def _check(self, images: Any) -> None:
        if self._classifier is None:
            check_images(images, None, None)
            return
        check_images(images, parameter_dtype(self._classifier), parameter_device(self._classifier))
        wide = self.precision == "fp32" or images.dtype == torch.float32
        expect(wide, "precision", f"be 'fp32' for a {images.dtype} model", repr(self.precision))

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
            needs, dtype = self.method.needs, PRECISIONS[self.precision]
            program = capture(self._classifier, images, needs, dtype, self.method.layers)
            if program.note:
                warnings.warn(f"{self.method.name}: {program.note}", stacklevel=4)
            self._programs[key] = program
        return self._programs[key]

    def _empty(self, executor: FixedRows, request: Request) -> Explanation:
        """No images give results with no rows and the right trailing shape, as from one blank image."""
        images, target = request.images, request.target
        blank = images.new_zeros(1, *images.shape[1:])
        if target.fixed is not None:
            target = dataclasses.replace(target, fixed=target.fixed.new_zeros(1, target.count))
        request = Request(blank, target, request.ids.new_zeros(1))
        return self._explanation(self.method.attribute(executor, request), request)[:0]

    def _explanation(self, maps: Maps, request: Request) -> Explanation:
        if self.method.needs >= Needs.GRADIENTS:  # else zeros are nothing to wonder at
            maps.extras["zero_map"] = [~part.flatten(1).any(1) for part in maps.attribution]
        return explanation(maps, request.images, self.method.name, request.target.single)


@contextmanager
def _setting(images: Tensor) -> Iterator[None]:
    """No autograd but a method's own, no autocast, exact arithmetic."""
    with (
        torch.inference_mode(False),
        torch.no_grad(),
        torch.autocast(images.device.type, enabled=False),
        exact_arithmetic(images.device),
    ):
        yield


def explain(
    model: nn.Module | Callable[[Tensor], Any] | None,
    images: Tensor,
    method: str = "integrated_gradients",
    target: Any = None,
    **options: Any,
) -> Explanation:
    """Explain ``images`` once; :class:`Explainer` documents the arguments and keeps the captured model."""
    return Explainer(model, method, **options)(images, target)


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return f"tensor of shape {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return list(value)
    return value if isinstance(value, (type(None), bool, int, float, str, dict)) else str(value)
