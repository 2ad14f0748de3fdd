"""The user's model as a function from images to its output: an (N, K) matrix of class scores, as a rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pyxai.capture.needs import Needs
from pyxai.capture.pick import Pick, picked
from pyxai.checks import expect


class Classifier(nn.Module):
    """``model`` followed by the choice of its output: one tensor (N, K), as the model returns it.

    An output (N,), one number for each image, is brought to (N, 1). What the numbers mean is decided by
    :mod:`pyxai.capture.output.kinds`.

    Args:
        model: any module; ``torch.compile`` and (Distributed)DataParallel wrappers are taken off, unless they
            have hooks. Or any other callable from images to scores, see :class:`Function`.
        output: which tensor of what the model returns is meant: an index, a key, a path such as "1.logits",
            or a function of it. None takes a tensor as it is, what is named ``logits``, or the only tensor
            that could be meant.
        any_shape: whether the output may have any shape (N, …), as where a callable makes one number of it.
    """

    def __init__(
        self,
        model: nn.Module | Callable[[Tensor], Any],
        output: Pick | None = None,
        any_shape: bool = False,
    ):
        super().__init__()
        named = isinstance(output, int | str) and not isinstance(output, bool)
        fits = output is None or callable(output) or named
        expect(fits, "output", "be an index, a key or a function", type(output).__name__, TypeError)
        self.model = unwrap(model)
        self.output = output
        self.any_shape = any_shape

    @property
    def is_function(self) -> bool:
        """Whether the model is a callable that only its scores are known of."""
        return isinstance(self.model, Function)

    def check_serves(self, needs: Needs) -> None:
        """Raise a :class:`TypeError` where a callable that is no module must give more than its scores."""
        if self.is_function and needs > Needs.SCORES:
            wanted = f"be a torch.nn.Module, for the method needs its {needs}"
            expect(False, "model", wanted, type(self.model.call).__name__, TypeError)

    def forward(self, images: Tensor) -> Tensor:
        return self.scores(self.model(images), images)

    def scores(self, returned: Any, images: Tensor) -> Tensor:
        """The scores in what the model returned for ``images``.

        Raises:
            TypeError, ValueError: there are none in it.
        """
        scores = picked(returned, self.output, images, self.any_shape)
        if self.is_function:
            scores = as_scores(scores, images)
        if not isinstance(scores, Tensor):
            raise TypeError(
                f"the model's output must be a tensor, got {type(scores).__name__}; "
                "pass `output=` to pick one"
            )
        if scores.layout is not torch.strided:
            raise TypeError(
                f"the model's output must be dense, got {scores.layout}; pass `output=` to make it so"
            )
        if scores.shape[:1] != images.shape[:1]:
            raise ValueError(
                f"the model's output must have one row per image, got {tuple(scores.shape)} "
                f"for {len(images)} images; pass `output=` to mend it"
            )
        if scores.ndim == 1:
            scores = scores.reshape(-1, 1)
        if scores.ndim != 2 and not self.any_shape:
            raise ValueError(
                f"the model's output must have shape (N, classes), got {tuple(scores.shape)}; "
                "pass `output=` to reduce it, or a callable `target` of one image's output"
            )
        return scores


class Function(nn.Module):
    """A callable that is no module: a function around another framework, a pipeline's ``predict_proba``.

    It is called with a detached copy of some images (n, C, H, W), on their device, and returns a tensor or an
    array of their scores (n, K), on any device and of any real dtype.
    """

    def __init__(self, call: Callable[[Tensor], Any]):
        super().__init__()
        self.call = call

    def forward(self, images: Tensor) -> Any:
        return self.call(images.detach().clone())


def as_scores(scores: Any, images: Tensor) -> Any:
    """A copy of an array or tensor of scores as a tensor like ``images``; what is neither as it is.

    The function may give the same buffer at every call.
    """
    if not isinstance(scores, Tensor):
        if not hasattr(scores, "__array__"):
            return scores
        scores = torch.from_numpy(np.array(scores))
    expect(not scores.is_complex(), "model", "return real scores", scores.dtype, TypeError)
    return scores.detach().to(device=images.device, dtype=images.dtype, copy=True)


def unwrap(model: Any) -> nn.Module:
    """The module inside ``torch.compile``, DataParallel and DistributedDataParallel wrappers without hooks.

    A callable that is no module becomes a :class:`Function`.
    """
    if not isinstance(model, nn.Module):
        kind = type(model).__name__
        if not callable(model):
            raise TypeError(f"`model` must be a torch.nn.Module or a function of images, got {kind}")
        return Function(model)
    while not any(getattr(model, hooks, None) for hooks in _HOOKS):  # which may change what it gives
        if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            model = model.module
        elif hasattr(model, "_orig_mod"):
            model = model._orig_mod
        else:
            break
    return model


_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
# What decides, of the modules that compute something else in training mode, whether they do.
_ACTIVE_IN_TRAINING = {
    nn.modules.dropout._DropoutNd: lambda module: module.p > 0,
    nn.modules.batchnorm._NormBase: lambda module: module.track_running_stats,
    nn.RReLU: lambda module: module.lower != module.upper,
    nn.MultiheadAttention: lambda module: module.dropout > 0,
    nn.RNNBase: lambda module: module.dropout > 0,
}


def check_evaluation_mode(model: nn.Module, argument: str = "model") -> None:
    """Raise a :class:`ValueError` naming the first module whose training mode changes what it computes.

    Args:
        argument: what a message calls the model.
    """
    for name, module in model.named_modules():
        kind = type(module).__name__
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is None:
            raise ValueError(
                f"`{argument}` must treat each image alone: {kind} `{name or kind}` has no running statistics"
            )
        active = (does for known, does in _ACTIVE_IN_TRAINING.items() if isinstance(module, known))
        if module.training and any(does(module) for does in active):
            raise ValueError(
                f"`{argument}` must be in evaluation mode: {kind} `{name or kind}` is training; call "
                "model.eval(), or on the command line give --eval"
            )


def parameter_dtype(model: nn.Module) -> torch.dtype | None:
    """The floating dtype of the model's first parameter or buffer, None where it has none."""
    return next((t.dtype for t in _tensors(model) if t.is_floating_point()), None)


def parameter_device(model: nn.Module) -> torch.device | None:
    """The device of the model's first parameter or buffer, None where it has none."""
    return next((t.device for t in _tensors(model)), None)


def _tensors(model: nn.Module):
    yield from model.parameters()
    yield from model.buffers()
