"""Layers by the names their modules have in the user's model; ``name#2`` is the second call of a module."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from torch import Tensor, fx, nn

from pyxai.checks import brief, expect, near

_MOST_LEADS = 8  # modules that a message names

See = Callable[[str, Any], "Tensor | None"]


class Watch:
    """Shows what modules return to ``see``, by forward hooks that live as long as the ``with`` block.

    The calls of other threads, which may use the same model, are not seen.

    Args:
        model: the module that holds the layers.
        layers: names as of :meth:`torch.nn.Module.named_modules`, ``name#2`` for the second call; None for
            every call of every module but the model itself.
        see: called with a layer's name and its value, before anything can write over it. What it returns
            goes on through the model in place of the value, unless it is None.

    Raises:
        ValueError: the model has no such module; with the nearest name, or the modules there are.
    """

    def __init__(self, model: nn.Module, layers: Iterable[str] | None, see: See):
        self._see = see
        self._wanted: dict[nn.Module, dict[int, list[str]]] = {}
        known = dict(model.named_modules(remove_duplicate=False))
        first = {module: path for path, module in reversed(known.items())}
        self._every: dict[nn.Module, list[str]] = {}  # its names, the first one last
        for path, module in reversed(known.items()) if layers is None else ():
            if path:
                self._every.setdefault(module, []).append(path)
        self._aliases = {}
        for name in layers or ():
            parts = re.fullmatch(r"(.*?)(?:#([1-9]\d*))?", name) if isinstance(name, str) else None
            path = parts[1] if parts else ""
            wanted = "name a module of the model, with #2 behind it for its second call"
            expect(parts is not None and path in known, "layer", wanted, f"{name!r}{_lead(path, known)}")
            module = known[path]
            self._wanted.setdefault(module, {}).setdefault(int(parts[2] or 1), []).append(name)
            if parts[2] is None and path != first[module]:
                self._aliases[name] = (module, first[module])
        self._calls = dict.fromkeys([*self._every, *self._wanted], 0)
        self._thread = threading.get_ident()

    def __enter__(self) -> Watch:
        # a trace may hand the hook something else in place of the module
        self._hooks = [module.register_forward_hook(partial(self._hook, module)) for module in self._calls]
        return self

    def __exit__(self, kind: type | None, *_: Any) -> None:
        for hook in self._hooks:
            hook.remove()

    def check_calls(self) -> None:
        """Raise a :class:`ValueError` for a layer that was not called, or whose call is not clear."""
        for module, wanted in self._wanted.items():
            for call, names in wanted.items():
                made = self._calls[module]
                times = "never" if made == 0 else "once" if made == 1 else f"{made} times"
                got = f"{names[0]!r}, whose module is called {times}"
                expect(call <= made, "layer", "name a module that the model calls", got)
        for name, (module, first) in self._aliases.items():
            wanted = f"say which call is meant, as in '{first}#2'"
            got = f"{name!r}, another name of {first!r}, which is called {self._calls[module]} times"
            expect(self._calls[module] == 1, "layer", wanted, got)

    def _hook(self, watched: nn.Module, module: nn.Module, arguments: tuple, value: Any) -> Tensor | None:
        if threading.get_ident() != self._thread:
            return None
        self._calls[watched] += 1
        shown = None
        for name in self._names(watched, self._calls[watched]):
            shown = self._see(name, value)
        return shown

    def _names(self, watched: nn.Module, call: int) -> list[str]:
        if watched in self._every:
            return [f"{path}#{call}" if call > 1 else path for path in self._every[watched]]
        return self._wanted[watched].get(call, [])


def _lead(path: str, known: dict[str, nn.Module]) -> str:
    """The name that is nearest to a module's ``path``, else what the module has that it begins with."""
    if nearest := near(path, known):
        return nearest
    parts = path.split(".")
    starts = (".".join(parts[:count]) for count in range(len(parts), -1, -1))
    start = next(start for start in starts if start in known)
    inside = [name for name, _ in known[start].named_children()]
    if len(inside) > _MOST_LEADS:
        inside = [*inside[: _MOST_LEADS // 2], "…", *inside[-_MOST_LEADS // 2 :]]
    return f" ({start or 'it'} has {', '.join(inside)})" if inside else f" ({start or 'it'} has none)"


def shapes_per_image(
    model: nn.Module, function: nn.Module, images: Tensor, layers: Iterable[str]
) -> dict[str, tuple[int, ...]]:
    """The shape of what each layer has for one image: (1, …), or (windows, …) where it takes images apart.

    Args:
        model: the module that holds the layers.
        function: what calls it with images.
        images: three that differ (3, C, H, W).

    Raises:
        ValueError: as of :class:`Watch`; the model cannot be called with some of the images; a layer is never
            called; its images do not lie one after the other along the first axis.
        TypeError: a layer returns no floating tensor.
    """
    twos, threes = (_values(model, function, images[:count], layers) for count in (2, 3))
    found = {}
    for name, two in twos.items():
        three = threes[name]
        along = two.ndim > 0 and two.shape[1:] == three.shape[1:] and 3 * len(two) == 2 * len(three) > 0
        got = f"shape {tuple(two.shape)} for 2 images in {name!r}"
        expect(along, "layer", "have the images along its first axis", got)
        close = (three[: len(two)] - two).abs().max() <= 1e-3 * three.abs().max()
        got = f"{name!r}, whose first {len(two)} rows of 2 images are not those of 3"
        expect(bool(close), "layer", "have one image after the other", got)
        found[name] = (len(two) // 2, *two.shape[1:])
    return found


def _values(
    model: nn.Module, function: nn.Module, images: Tensor, layers: Iterable[str]
) -> dict[str, Tensor]:
    seen: dict[str, Any] = {}

    def see(name: str, value: Any) -> None:
        seen[name] = value.clone() if isinstance(value, Tensor) else value

    with Watch(model, layers, see) as watch:
        try:
            function(images.clone())
        except Exception as error:  # the model's own code may raise anything
            raise ValueError(f"`model` must let its layers be read: {brief(error)}") from error
    watch.check_calls()
    for name, value in seen.items():
        floating = isinstance(value, Tensor) and value.is_floating_point()
        kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
        expect(floating, "layer", "return a floating tensor", f"{kind} from {name!r}", TypeError)
    return seen


def find_layer(module: fx.GraphModule, name: str) -> fx.Node:
    """The node of a captured graph that holds the value of a layer it was captured with."""
    for node in module.graph.nodes:
        if name in node.meta.get("layers", []):
            return node
    raise off_the_path(name)


def off_the_path(name: str) -> ValueError:
    """The error for a layer that plays no part in the scores."""
    return ValueError(f"`layer` must name a module that the scores depend on, got {name!r}")
