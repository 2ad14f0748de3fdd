"""The public face: capture a model once, explain batches of images."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pyxai.capture.arithmetic import unaffected
from pyxai.capture.classifier import (
    Classifier,
    check_evaluation_mode,
    parameter_device,
    parameter_dtype,
)
from pyxai.capture.executor import Executor
from pyxai.capture.needs import Needs
from pyxai.capture.output.kinds import KINDS, Asked, Kind, Output
from pyxai.capture.output.number import Call
from pyxai.capture.pick import Pick
from pyxai.capture.program import Program, capture
from pyxai.capture.rows import FixedRows, default_rows, fit_rows
from pyxai.capture.unchanged import Unchanged
from pyxai.checks import expect, naming, one_of, plain, shown, whole
from pyxai.locks import Lock
from pyxai.methods.explanation import Explanation, explanation
from pyxai.methods.names import by_number, names_of
from pyxai.methods.request import Maps, Request, check_ids, check_images
from pyxai.methods.table import build, fill_options, get_method
from pyxai.methods.targets import Target, parse_target

_CAPTURED = ("_programs", "_unchanged", "_lock")
MOST_PROGRAMS = 8  # input shapes whose captures are kept; each may hold a folded copy of the weights
PRECISIONS = {"fp32": None, "bf16": torch.bfloat16}


class Explainer:
    """Explains batches of images with one method; the model is captured once and never changed.

    Args:
        model: a classifier in evaluation mode. For methods that need scores only, any callable from images
            (n, C, H, W) to scores (n, K). Not looked at, and may be None, for methods that look at the images
            alone.
        method: a name from :func:`pyxai.list_methods`.
        output: which tensor of what the model returns is explained: an index, a key, a path such as
            ``"1.logits"``, or a function of what it returns. None takes a tensor as it is, what is named
            ``logits``, or the only tensor that could be meant.
        output_kind: what the output means. ``scores`` of classes are explained before a softmax, log-softmax
            or sigmoid that the model ends in; ``probabilities`` as they are returned, of one output p as
            (1 - p, p); a ``value`` is the model's one output; ``binary`` makes the two classes (-s, s) of one
            logit s, before a sigmoid. ``auto`` takes one output behind a sigmoid for binary, else for a
            value, and several for scores, unless their rows are found to be probabilities that no softmax can
            be taken off.
        class_names: the names of all classes in order, or of some by number, by which targets can be given.
            None takes those that the model carries: its attribute ``class_names``, ``config.id2label`` of
            transformers, those of the data set that a timm model's weights are tagged with.
        rows: rows of every model call, fixed so that an image's bits do not depend on its batch mates. None
            settles it at the first call, from the image size and the number of rows that call needs.
        precision: ``bf16`` runs the model in bfloat16, opt-in and only for float32 models; maps are still
            summed in float32.
        preprocess: what the images went through, a :class:`pyxai.Preprocess`. The options ``low`` and
            ``high``, black and white in the model's input space, are then those of it where they are not
            given, also of a wrapped method. None leaves them at 0 and 1.
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
        output: Pick | None = None,
        output_kind: Kind = "auto",
        class_names: Sequence[str] | Mapping[int, str] | None = None,
        rows: int | None = None,
        precision: Literal["fp32", "bf16"] = "fp32",
        preprocess: Any = None,
        **options: Any,
    ):
        if preprocess is not None:
            with naming(get_method(method).name):
                options = fill_options(method, options, _bounds(preprocess))
        self.method = build(method, options)
        with naming(self.method.name):
            one_of("precision", precision, PRECISIONS)
            one_of("output_kind", output_kind, KINDS)
            if rows is not None:
                whole("rows", rows, 1)
            self._classifier = None
            if self.method.needs is not Needs.NOTHING:
                self._classifier = Classifier(model, output)
                self._classifier.check_serves(self.method.needs)
                check_evaluation_mode(self._classifier.model)
        self.rows = rows
        self.precision = precision
        self.output_kind = output_kind
        self._given_names = None if class_names is None else by_number(class_names)
        self._names_in_order = self._given_names is not None and not isinstance(class_names, Mapping)
        self._doubted = False  # whether it was said that the kind of output was told by its values
        self._forget()

    def _forget(self) -> None:
        """Know nothing of the model but itself."""
        self._programs: dict[tuple, Program] = {}
        self._unchanged: Unchanged | None = None
        self._lock = Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Without what was captured: a copy, here or in another process, captures the model for itself."""
        return {key: value for key, value in vars(self).items() if key not in _CAPTURED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._forget()

    def __call__(self, images: Tensor, target: Any = None, ids: Any = None) -> Explanation:
        """Explain ``images``.

        Args:
            images: (N, C, H, W), finite, in the model's dtype and on its device; or volumes and clips, (N, C,
                T, H, W), where the method takes them.
            target: class to explain. None or ``"predicted"``: the predicted one. An int: the same for all. A
                list or (N,) tensor: one for each image. (N, T), or ``"top5"`` for the five best: several per
                image, which share the model's forward pass; so does text with commas, ``"0,20"``, the same
                for all images. Names may stand for numbers where there are ``class_names``; a synonym will
                do, ``"tabby"`` for ``tabby, tabby cat``. Or a callable of one image's output, without the
                batch axis and before a softmax unless ``output_kind`` is ``"probabilities"``, that returns a
                tensor of one number: a pixel's class score, a similarity, the sum over a mask. The output may
                then have any shape.
            ids: (N,) int64 keys of the noise, so that a sample's draws follow it through any batching;
                default the row number.
        """
        return self._explained(self.method.attribute, images, target, ids)

    def unit_values(self, images: Tensor, target: Any = None, ids: Any = None) -> Explanation:
        """What each unit of an inner layer counts for, in place of the map that is made of it.

        Args:
            images, target, ids: as for a call.

        Raises:
            ValueError: the method has no such values; :attr:`pyxai.methods.Method.has_unit_values` says which
                have.
        """
        return self._explained(self.method.unit_values, images, target, ids)

    def report(self, images: Tensor, target: Any = None):
        """What every layer did with relevance, a :class:`pyxai.propagation.lrp.report.Report`.

        Args:
            images: (N, C, H, W) with N > 0, as for a call.
            target: one class for each image, as for a call.

        Raises:
            ValueError: the method does not go by rules of relevance, or there are several targets per image.
        """
        images, target = plain(images), plain(target)
        with naming(self.method.name):
            self._check(images)
            expect(len(images) > 0, "images", "hold at least one image", tuple(images.shape))
            parsed = self._parsed(target, images)
            expect(parsed.count == 1, "target", "be one class for each image", f"{parsed.count} classes")
            with unaffected(images.device):
                return self.method.report(*self._request(images, parsed, check_ids(None, images)))

    def _explained(
        self, attribute: Callable[..., Maps], images: Tensor, target: Any, ids: Any
    ) -> Explanation:
        """The explanation that a function of the method makes of ``images``."""
        images, target, ids = plain(images), plain(target), plain(ids)
        with naming(self.method.name):
            self._check(images)
            parsed, ids = self._parsed(target, images), check_ids(ids, images)
            with unaffected(images.device):
                executor, request = self._request(images, parsed, ids)
                if len(images) == 0:
                    return self._empty(attribute, executor, request)
                return self._explanation(executor, attribute(executor, request), request)

    def _parsed(self, target: Any, images: Tensor) -> Target:
        needless = "be left out: no class is explained, but"
        units = self.method.units
        expect(target is None or not units, "target", f"{needless} {units}", shown(target))
        alone = self.method.needs is Needs.NOTHING
        expect(target is None or not alone, "target", f"{needless} the images alone", shown(target))
        return parse_target(target, images, self.class_names)

    def _request(self, images: Tensor, target: Target, ids: Tensor) -> tuple[FixedRows, Request]:
        """The model, if the method needs one, in calls of a fixed number of rows, and the checked request."""
        images = images.detach().clone() if images.is_inference() else images.detach()
        images = images.contiguous()
        program = None if self._classifier is None else self._program(images, target.call)
        if program is not None:
            classes = self.method.scores_per_image(program.classes)
            target.check(classes)
            if self._names_in_order and target.call is None and not self.method.units:
                wanted = f"be one for each of {classes} classes where they are in order"
                got = len(self._given_names)
                expect(got == classes, "class_names", wanted, f"{got} (or give some by number)")
        if self.rows is None:
            total = max(1, len(images) * self.method.evaluations_per_image())
            self.rows = fit_rows(default_rows(images.shape, images.device), total)
        executor = FixedRows(self.rows) if program is None else Executor(program, self.rows)
        return executor, Request(images, target, ids)

    def prepare(self, images: Tensor, target: Any = None) -> None:
        """Capture the model for images of this shape, and a callable target, before the first call."""
        images = plain(images)
        with naming(self.method.name):
            self._check(images)
            if self._classifier is not None:
                with unaffected(images.device):
                    self._program(images.detach().contiguous(), target if callable(target) else None)

    @cached_property
    def class_names(self) -> dict[int, str]:
        """Class to name, of those that have one."""
        if self._given_names is not None:
            return self._given_names
        return {} if self._classifier is None else names_of(self._classifier.model)

    @property
    def classes(self) -> int | None:
        """Number of classes of the model; None before it was captured for a target that is no callable."""
        programs = self._programs.values()
        return next((program.classes for program in programs if program.output.call is None), None)

    @property
    def output(self) -> Output | None:
        """What the model's output means and what of it is explained; None before the model was captured."""
        return next((program.output for program in self._programs.values()), None)

    def _kind(self, output: Output) -> str:
        return "units" if self.method.units else output.kind

    def info(self) -> dict[str, Any]:
        """What was decided: method, options, kind of output, and for each input shape how the model runs."""
        return {
            "method": self.method.name,
            "output_kind": self._kind(self.output) if self.output else self.output_kind,
            "units": self.method.units,
            "options": {name: _plain(getattr(self.method, name)) for name in self.method.options()},
            "rows": self.rows,
            "precision": self.precision,
            "threads": torch.get_num_threads(),
            "programs": [program.info() for program in self._programs.values()],
        }

    def _check(self, images: Any) -> None:
        if self._classifier is None:
            check_images(images, None, None, self.method.volumes)
            return
        model = self._classifier
        check_images(images, parameter_dtype(model), parameter_device(model), self.method.volumes)
        wide = self.precision == "fp32" or images.dtype == torch.float32
        expect(wide, "precision", f"be 'fp32' for a {images.dtype} model", repr(self.precision))

    def _program(self, images: Tensor, call: Call | None) -> Program:
        with self._lock:
            return self._known_program(images, call)

    def _known_program(self, images: Tensor, call: Call | None) -> Program:
        check_evaluation_mode(self._classifier.model)
        if self._unchanged is None or not self._unchanged():
            if self._programs:
                warnings.warn("the model changed since it was captured; capturing it again", stacklevel=5)
            self._programs.clear()
            self._unchanged = Unchanged(self._classifier)
        if isinstance(call, nn.Module):
            check_evaluation_mode(call, "target")
        key = (images.shape[1:], images.dtype, images.device, id(call))  # the program keeps the callable
        known = self._programs.get(key)
        if known is not None and known.made is not None and not known.made.again(call):
            warnings.warn("the target changed since it was captured; capturing it again", stacklevel=5)
            del self._programs[key]
        if key not in self._programs:
            if len(self._programs) == MOST_PROGRAMS:
                del self._programs[next(iter(self._programs))]
            self._programs[key] = self._captured(images, call)
        return self._programs[key]

    def _captured(self, images: Tensor, call: Call | None) -> Program:
        classifier, needs, dtype = self._classifier, self.method.needs, PRECISIONS[self.precision]
        if call is not None:
            classifier = Classifier(classifier.model, classifier.output, any_shape=True)
        asked = Asked(self.output_kind, self.method.single_output, call)
        program = capture(classifier, images, needs, dtype, self.method.layers, asked)
        outputs = (known.output for known in self._programs.values())
        known = next((output for output in outputs if output.call is call), program.output)
        same = (program.output.kind, program.output.taken_off) == (known.kind, known.taken_off)
        got = f"{known.describe()} for one image size, {program.output.describe()} for another"
        expect(same, "output_kind", "be given where the output does not tell it", got)
        if program.output.doubt and not self._doubted:
            warnings.warn(program.output.doubt, stacklevel=6)
            self._doubted = True
        if program.note:
            warnings.warn(f"{self.method.name}: {program.note}", stacklevel=6)
        return program

    def _empty(self, attribute: Callable[..., Maps], executor: FixedRows, request: Request) -> Explanation:
        """No images give results with no rows and the right trailing shape, as from one blank image."""
        images, target = request.images, request.target
        blank = images.new_zeros(1, *images.shape[1:])
        if target.fixed is not None:
            target = dataclasses.replace(target, fixed=target.fixed.new_zeros(1, target.count))
        request = Request(blank, target, request.ids.new_zeros(1))
        return self._explanation(executor, attribute(executor, request), request)[:0]

    def _explanation(self, executor: FixedRows, maps: Maps, request: Request) -> Explanation:
        if self.method.needs >= Needs.GRADIENTS:  # else zeros are nothing to wonder at
            maps.extras["zero_map"] = [~part.flatten(1).any(1) for part in maps.attribution]
        output = executor.program.output if isinstance(executor, Executor) else None
        return explanation(
            maps,
            request.images,
            request.target.single,
            method=self.method.name,
            output_kind=output and self._kind(output),
            target_name=self.method.units or request.target.name,
            class_names=self.class_names,
        )


def explain(
    model: nn.Module | Callable[[Tensor], Any] | None,
    images: Tensor,
    method: str = "integrated_gradients",
    target: Any = None,
    *,
    ids: Any = None,
    **options: Any,
) -> Explanation:
    """Explain ``images`` once; :class:`Explainer` documents the arguments and keeps the captured model."""
    return Explainer(model, method, **options)(images, target, ids)


def _bounds(preprocess: Any) -> dict[str, tuple[float, ...]]:
    """Black and white in the model's input space, by the options that are told them."""
    ends = {"low": getattr(preprocess, "black", None), "high": getattr(preprocess, "white", None)}
    known = all(isinstance(end, tuple) for end in ends.values())
    wanted = "say what black and white are, as a pyxai.Preprocess does (or give `low` and `high`)"
    expect(known, "preprocess", wanted, shown(preprocess), TypeError)
    return ends


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return f"tensor of shape {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return list(value)
    return value if isinstance(value, (type(None), bool, int, float, str, dict)) else str(value)
