"""Which tensor of what a model returns is its output."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn

Pick = Callable[[Any], Any] | int | str
"""How to find the output: a function of what the model returns, an index, a key or a path as "1.logits"."""

LOGITS = "logits"


def picked(raw: Any, output: Pick | None, images: Tensor, any_shape: bool = False) -> Any:
    """The output among what a model returned.

    Args:
        raw: a tensor or array, or a tuple, list, mapping, dataclass or other object that holds some.
        output: how to find it. None takes what is named ``logits``, else the one floating tensor that could
            be meant.
        images: what the model was called with.
        any_shape: whether tensors (N, …) of any shape could be meant; else class scores, (N, K) or (N,),
            where there are such.

    Raises:
        ValueError: several could be meant, or there is nothing at ``output``; with all that there are.
    """
    if callable(output):
        return output(raw)
    if output is not None and _is_tensor(raw):
        wanted = f"be a function, or left out, where the model returns one tensor {tuple(raw.shape)}"
        raise ValueError(f"`output` must {wanted}, got {output!r}")
    if output is not None:
        return _at(raw, output, images)
    if _is_tensor(raw):
        return raw
    fields = _fields(raw)
    if LOGITS in fields:
        return fields[LOGITS]
    rows = {path: value for path, value in _tensors(raw) if _has_rows(value, images)}
    scores = {path: value for path, value in rows.items() if len(value.shape) <= 2}
    meant = rows if any_shape or not scores else scores
    if len(meant) > 1:
        raise ValueError(f"`output` must say which tensor of the model's output is meant: {_listed(meant)}")
    return next(iter(meant.values()), raw)


def _at(raw: Any, output: int | str, images: Tensor) -> Any:
    """What is at an index, a key or a path."""
    found = raw
    fields = _fields(raw)
    if str(output) not in fields and isinstance(output, str):
        parts = output.split(".")
    else:
        parts = [str(output)]
    for part in parts:
        fields = _fields(found)
        if part.lstrip("-").isdigit() and part not in fields and -len(fields) <= int(part) < len(fields):
            part = list(fields)[int(part)]  # a mapping or a dataclass by position, a sequence from its end
        if part not in fields:
            there = {path: value for path, value in _tensors(raw) if _is_tensor(value)}
            raise ValueError(f"`output` must be one of the model's outputs, {_listed(there)}, got {output!r}")
        found = fields[part]
    return found


def _fields(value: Any) -> dict[str, Any]:
    """The parts of a tuple, list, mapping, dataclass or other plain object, by index, key or name."""
    if _is_tensor(value) or isinstance(value, nn.Module | str | bytes):
        return {}
    if isinstance(value, Mapping):
        return {str(key): entry for key, entry in value.items()}
    names = getattr(value, "_fields", None)
    if isinstance(value, tuple | list):
        return dict(zip(names or map(str, range(len(value))), value, strict=True))
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return dict(getattr(value, "__dict__", {}))


def _tensors(value: Any, path: str = "", above: tuple[int, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every tensor or array inside, with its path."""
    if _is_tensor(value):
        yield path, value
    elif id(value) not in above:
        for name, entry in _fields(value).items():
            yield from _tensors(entry, f"{path}.{name}" if path else name, (*above, id(value)))


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor) or (hasattr(value, "__array__") and hasattr(value, "shape"))


def _has_rows(value: Any, images: Tensor) -> bool:
    """Whether ``value`` has numbers, no whole ones, for each of the images."""
    floating = value.is_floating_point() if isinstance(value, Tensor) else value.dtype.kind == "f"
    return floating and len(value.shape) > 0 and value.shape[0] == images.shape[0]


def _listed(tensors: dict[str, Any]) -> str:
    found = [f"output={_as_argument(path)} of shape {tuple(value.shape)}" for path, value in tensors.items()]
    return ", ".join(found) or "of which none is a tensor"


def _as_argument(path: str) -> str:
    return path if path.isdigit() else repr(path)
