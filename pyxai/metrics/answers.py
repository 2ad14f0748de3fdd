"""What a model answers, in the one number of each image that a metric follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from pyxai.capture.arithmetic import unaffected
from pyxai.capture.classifier import check_evaluation_mode, parameter_device, parameter_dtype, unwrap
from pyxai.capture.output.kinds import Kind
from pyxai.capture.pick import Pick
from pyxai.checks import expect, plain
from pyxai.methods.names import names_of
from pyxai.methods.request import check_images
from pyxai.methods.targets import parse_target
from pyxai.metrics.scoring import check_options, executor_of


class Answers:
    """The probability of each image's class, by the model's softmax, for changed copies of the images.

    Of a model whose output is a value, and of a callable target, it is that number itself.

    Args:
        model: a classifier in evaluation mode, or any callable from images (n, C, H, W) to scores (n, K). It
            is captured where that is possible, and comes back as it was.
        images: (N, C, H, W), finite, in the model's dtype and on its device.
        target: one class for each image, as for :class:`pyxai.Explainer`; None for the predicted one.
        output, output_kind: as for :class:`pyxai.Explainer`.
        rows: rows of every model call; None for a rule by the size of the images.
        copies: about how many copies of an image there will be.

    Attributes:
        images: the images as they are, without a gradient.
        rows: rows of every model call.
    """

    def __init__(
        self,
        model: nn.Module | Callable[[Tensor], Any],
        images: Any,
        target: Any,
        output: Pick | None,
        output_kind: Kind,
        rows: int | None,
        copies: int,
    ):
        check_options(output_kind, rows)
        inside, images = unwrap(model), plain(images)
        check_evaluation_mode(inside)
        check_images(images, parameter_dtype(inside), parameter_device(inside))
        self.images = images.detach().clone() if images.is_inference() else images.detach()
        parsed = parse_target(plain(target), images, names_of(inside))
        expect(parsed.count == 1, "target", "be one class for each image", f"{parsed.count} classes")
        if isinstance(parsed.call, nn.Module):
            check_evaluation_mode(parsed.call, "target")
        with unaffected(images.device):
            self._executor = executor_of(
                model, self.images, output, output_kind, rows, copies, call=parsed.call
            )
            parsed.check(self._executor.program.classes)
            self.rows = self._executor.rows
            if len(images):
                self._classes = parsed.choose(self._executor.scores(self.images, self.rows))[:, 0]

    def __call__(self, copies: Tensor, row: int) -> Tensor:
        """Numbers (r,) in float64 of copies (r, C, H, W), r ≤ ``rows``, of the image ``row``."""
        output = self._executor.program.output
        scores = self._executor.scores(copies, self.rows).double()
        classes = self._classes[row].expand(len(copies))
        if output.call is None and output.kind != "value":
            scores, classes = output.log_odds(scores, classes)
            scores = scores.softmax(1)
        return scores.gather(1, classes[:, None])[:, 0]
