"""A model as metrics ask it: for scores, in calls of a fixed number of rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor, nn

from pyxai.capture.classifier import Classifier, check_evaluation_mode, unwrap
from pyxai.capture.executor import Executor
from pyxai.capture.needs import Needs
from pyxai.capture.output.kinds import KINDS, Asked, Kind
from pyxai.capture.pick import Pick
from pyxai.capture.program import capture
from pyxai.capture.rows import default_rows, fit_rows
from pyxai.checks import one_of, whole


def check_options(output_kind: Any, rows: Any) -> None:
    """Raise a :class:`ValueError` unless both are such as :func:`executor_of` takes."""
    one_of("output_kind", output_kind, KINDS)
    if rows is not None:
        whole("rows", rows, 1)


def executor_of(
    model: nn.Module | Callable[[Tensor], Any],
    images: Tensor,
    output: Pick | None,
    output_kind: Kind,
    rows: int | None,
    total: int,
    *,
    layers: Iterable[str] = (),
    call: Callable[[Tensor], Any] | None = None,
    says_doubt: bool = True,
) -> Executor:
    """The model, captured where that is possible, for images such as these.

    Where what the output means was told by its values alone, a warning says so to the caller of the caller's
    caller.

    Args:
        images: (N, C, H, W), checked.
        output, output_kind, rows: as for :class:`pyxai.Explainer`, checked by :func:`check_options`.
        total: about how many rows there will be in all: where ``rows`` is None, calls are filled by them.
        layers: names of the layers that will be read.
        call: what is made of the output, of a callable target.
        says_doubt: False where no score is read.

    Raises:
        ValueError: the model is in training mode, or cannot be captured for these; see :func:`capture`.
    """
    check_evaluation_mode(unwrap(model))
    classifier = Classifier(model, output, any_shape=call is not None)
    program = capture(classifier, images, Needs.SCORES, layers=layers, asked=Asked(output_kind, call=call))
    if says_doubt and program.output.doubt:
        warnings.warn(program.output.doubt, stacklevel=4)
    usual = default_rows(images.shape, images.device)
    return Executor(program, rows or fit_rows(usual, max(1, total)))
