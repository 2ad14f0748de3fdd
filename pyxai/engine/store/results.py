"""Between an explanation and the arrays of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyxai.methods.explanation import PICTURE

if TYPE_CHECKING:
    from torch import Tensor

    from pyxai.methods.explanation import Explanation

ZERO_MAP = "zero_map"
NUMBERS = ("target", "score", "delta", "residual", "evaluations")


def tensors(explanation: Explanation, keep: str) -> dict[str, Tensor]:
    """What is stored of an explanation, by array name; results the method does not have are left out."""
    kept = {"heatmap": explanation.heatmap()} if keep in ("heatmap", "both") else {}
    if keep in ("attribution", "both"):
        kept["attribution"] = explanation.attribution
    found = {name: getattr(explanation, name) for name in NUMBERS}
    if explanation.target is not None:  # what else the method tells of each map: numbers, and further parts
        shapes = [explanation.target.shape]
        if "attribution" in kept:
            shapes.append(explanation.attribution.shape)
        found |= {name: value for name, value in explanation.extras.items() if value.shape in shapes}
    return {**kept, **{name: value for name, value in found.items() if value is not None}}


def zero_maps(explanation: Explanation) -> np.ndarray:
    """(N,) int64: how many of each image's maps are noted as zero throughout."""
    noted = explanation.extras.get(ZERO_MAP)
    if noted is None:
        return np.zeros(len(explanation), np.int64)
    return noted.reshape(len(explanation), -1).sum(1).cpu().numpy()


def describe(
    values: dict[str, Tensor], store_dtype: str, axes: tuple[str, ...] = PICTURE
) -> dict[str, dict[str, Any]]:
    """Shape (without the row axis) and dtype of each array, for the manifest; its axes if it is no picture.

    Maps of zeros are rare: they are lines of text, because one array more slows a fast run by a tenth.
    """

    def dtype(name: str, value: Tensor) -> str:
        if name in ("heatmap", "attribution") or value.ndim > 3:
            return store_dtype
        half = value.is_floating_point() and value.element_size() < 4  # numpy has no bfloat16
        return "float32" if half else str(value.dtype).removeprefix("torch.")

    def named(name: str, value: Tensor) -> dict[str, list[str]]:
        own, usual = axes, PICTURE
        if name == "heatmap":
            own, usual = (tuple(axis for axis in names if axis != "channel") for names in (own, usual))
        elif "attribution" not in values or value.shape != values["attribution"].shape:
            return {}
        return {} if own == usual else {"axes": list(own)}

    return {
        name: {"shape": list(value.shape[1:]), "dtype": dtype(name, value)} | named(name, value)
        for name, value in values.items()
        if name != ZERO_MAP
    }


def as_arrays(values: dict[str, Tensor], arrays: dict[str, dict[str, Any]]) -> dict[str, np.ndarray]:
    """The values on the host in the dtypes that are stored. float16 overflows to infinity in silence."""
    with np.errstate(over="ignore"):
        return {
            name: (value.float() if value.element_size() == 2 else value).cpu().numpy().astype(entry["dtype"])
            for name, entry in arrays.items()
            for value in (values[name],)
        }


def not_finite(values: dict[str, np.ndarray]) -> dict[int, str]:
    """Place in the batch to the name of the array that holds NaN or infinity there."""
    found: dict[int, str] = {}
    for name, value in values.items():
        if np.issubdtype(value.dtype, np.floating):
            finite = np.isfinite(value).reshape(len(value), -1).all(axis=1)
            for place in np.flatnonzero(~finite):
                found.setdefault(int(place), name)
    return found
