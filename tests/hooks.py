"""What forward hooks see in an eager model: what every test of an inner layer compares with."""

from __future__ import annotations

import copy
from typing import Any

from torch import Tensor, nn


def values_and_gradients(
    model: nn.Module, images: Tensor, classes: Tensor
) -> dict[str, tuple[Tensor, Tensor | None]]:
    """Layer to its value and the gradient of the class scores by it, of every call that gives a real tensor.

    The model is copied, and what its modules return may be written over. The model itself is "", the second
    call of a module ``name#2``.

    Args:
        images: (N, C, H, W).
        classes: (N,), the class of each image whose score is differentiated.

    Returns values (N, …) and gradients (N, …), which are None where the scores do not depend on the layer.
    """
    model = copy.deepcopy(model)
    for module in model.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    calls: dict[str, int] = {}
    seen: dict[str, Tensor] = {}

    def record(name: str) -> Any:
        def hook(module: nn.Module, arguments: tuple, output: Any) -> Tensor | None:
            calls[name] = calls.get(name, 0) + 1
            if not isinstance(output, Tensor) or not output.is_floating_point():
                return None
            output = output if output.requires_grad else output.detach().requires_grad_()
            output.retain_grad()
            seen[name if calls[name] == 1 else f"{name}#{calls[name]}"] = output
            return output.clone()

        return hook

    for name, module in model.named_modules():
        module.register_forward_hook(record(name))
    model(images).gather(1, classes[:, None]).sum().backward()
    return {name: (value.detach(), value.grad) for name, value in seen.items()}
