"""Layers by the names their modules have in the user's model; ``name#2`` is the second call of a module."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, fx, nn

from pyxai.checks import expect, near

See = Callable[[str, Tensor], "Tensor | None"]


class Watch:
    """Shows what modules return to ``see``, by forward hooks that live as long as the ``with`` block.

    The calls of other threads, which may use the same model, are not seen.

    Args:
        model: the module that holds the layers.
        layers: names as of :meth:`torch.nn.Module.named_modules`, ``name#2`` for the second call.
        see: called with a layer's name and its value, before anything can write over it. What it returns
            goes on through the model in place of the value, unless it is None.

    Raises:
        ValueError: the model has no such module; with the nearest name.
        TypeError: a layer returns no floating tensor.
    """

    def __init__(self, model: nn.Module, layers: Iterable[str], see: See):
        self._see = see
        self._wanted: dict[nn.Module, dict[int, str]] = {}
        known = dict(model.named_modules(remove_duplicate=False))
        for name in layers:
            path, _, call = name.partition("#")
            expect(path in known, "layer", "name a module of the model", f"{name!r}{near(path, known)}")
            self._wanted.setdefault(known[path], {})[int(call or 1)] = name
        self._calls = dict.fromkeys(self._wanted, 0)
        self._thread = threading.get_ident()

    def __enter__(self) -> Watch:
        self._hooks = [module.register_forward_hook(self._hook) for module in self._wanted]
        return self

    def __exit__(self, kind: type | None, *_: Any) -> None:
        for hook in self._hooks:
            hook.remove()

    def check_calls(self) -> None:
        """Raise a :class:`ValueError` for a layer that was not called."""
        for module, wanted in self._wanted.items():
            for call, name in wanted.items():
                made = self._calls[module]
                times = "never" if made == 0 else "once" if made == 1 else f"{made} times"
                got = f"{name!r}, whose module is called {times}"
                expect(call <= made, "layer", "name a module that the model calls", got)

    def _hook(self, module: nn.Module, arguments: tuple, value: Any) -> Tensor | None:
        if threading.get_ident() != self._thread:
            return None
        self._calls[module] += 1
        name = self._wanted[module].get(self._calls[module])
        if name is None:
            return None
        floating = isinstance(value, Tensor) and value.is_floating_point()
        kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
        expect(floating, "layer", "return a floating tensor", f"{kind} from {name!r}", TypeError)
        return self._see(name, value)


def rows_per_image(model: nn.Module, function: nn.Module, images: Tensor, layers: Iterable[str]) -> dict:
    """How many entries of its first axis each layer's value has for an image: 1, or as many as windows.

    Args:
        model: the module that holds the layers.
        function: what calls it with images.
        images: at least one image (n, C, H, W), taken twice and three times.

    Raises:
        ValueError, TypeError: as of :class:`Watch`; a layer is never called; its images do not lie along the
            first axis.
    """
    shapes: list[dict[str, torch.Size]] = []
    for count in (2, 3):
        shapes.append({})
        with Watch(model, layers, lambda name, value: shapes[-1].update({name: value.shape})) as watch:
            function(torch.cat([images[:1]] * count))
        watch.check_calls()
    found = {}
    for name, two in shapes[0].items():
        three = shapes[1][name]
        along = len(two) > 0 and two[1:] == three[1:] and 3 * two[0] == 2 * three[0] and two[0] > 0
        got = f"shape {tuple(two)} for 2 images in {name!r}"
        expect(along, "layer", "have the images along its first axis", got)
        found[name] = two[0] // 2
    return found


def find_layer(module: fx.GraphModule, name: str) -> fx.Node:
    """The node of a captured graph that holds the value of a layer it was captured with."""
    for node in module.graph.nodes:
        if name in node.meta.get("layers", []):
            return node
    raise ValueError(f"`layer` must name a module that the scores depend on, got {name!r}")
