"""Whether a model is still the one that was captured."""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor, nn

from pyxai.capture.isolated import user_hooks

SAMPLES = 16  # values of a tensor that are looked at
_SETTINGS = frozenset({bool, int, float, str, tuple})


class Unchanged:
    """Knows a model by its modules, its tensors, and some values of each of these.

    Of a module it knows whether it trains, the users' forward hooks and, where its class is one of torch's,
    its settings: the ``eps`` of a norm, the ``padding`` of a convolution. Plain attributes of other classes
    are not looked at: they may be counters, which a call changes.

    A tensor is known by its storage, version, shape and dtype. Writing through ``.data`` leaves no trace in
    these, so up to 16 values spread over it are compared, too: a write to single others is not seen.

    Args:
        model: as it is now.
    """

    def __init__(self, model: nn.Module):
        self._model = model
        self._structure = _structure(model)
        views: dict[tuple, list[Tensor]] = defaultdict(list)
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.layout is torch.strided and not tensor.is_quantized and tensor.numel():
                views[tensor.dtype, tensor.device].append(_spread(tensor.detach()))
        self._views = list(views.values())
        self._values = self._sampled()

    def __call__(self) -> bool:
        """Whether the model is as it was."""
        if _structure(self._model) != self._structure:
            return False
        return all(torch.equal(*both) for both in zip(self._values, self._sampled(), strict=True))

    def _sampled(self) -> list[Tensor]:
        """As bytes, in which NaN is like itself."""
        with torch.no_grad():
            return [torch.cat(views).view(torch.uint8) for views in self._views]


def _structure(model: nn.Module) -> tuple:
    tensors = tuple(_identity(tensor) for tensor in (*model.parameters(), *model.buffers()))
    return tensors, tuple((id(module), *_settings(module), *user_hooks(module)) for module in model.modules())


def _settings(module: nn.Module) -> tuple:
    if not type(module).__module__.startswith("torch.nn."):
        return (module.training,)
    return tuple([value for value in vars(module).values() if type(value) in _SETTINGS])


def _identity(tensor: Tensor) -> tuple:
    """What changes when a tensor is replaced, written to or laid out in another way."""
    version = 0 if tensor.is_inference() else tensor._version
    place = (tensor.data_ptr(), tensor.stride()) if tensor.layout is torch.strided else id(tensor)
    return place, version, tensor.shape, tensor.dtype, tensor.device


def _spread(tensor: Tensor) -> Tensor:
    """A view of values in even distances over the memory of a tensor."""
    reach = 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    step = max(1, reach // SAMPLES)
    count = min(SAMPLES, reach)
    return tensor.as_strided(
        (count,), (step,), tensor.storage_offset() + (reach - 1 - (count - 1) * step) // 2
    )
