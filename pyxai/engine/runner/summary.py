"""What came of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pyxai.engine.errors import InputError
from pyxai.engine.status import OK, PENDING, RESULT_NOT_FINITE
from pyxai.engine.store.layout import STATUS, fill_value
from pyxai.engine.store.store import Store


@dataclass
class Summary:
    """The end of a run.

    Attributes:
        store: its folder.
        images: rows of the whole store; done: those with a status; failed: those without a result.
        rows: rows this process finished, in ``seconds`` from the first batch to the last commit.
        startup: seconds spent before the first batch, by what they were spent on.
        residual_median, residual_max: over all results; None where no axiom says what maps sum to.
        evaluations: mean over all results; None where the method has no model.
        explained: what of the model's output is explained; "" where the method has no model.
        left_out: what lies beside the images and is none; "" where all are images.
        zero_maps: maps of all results that are zero throughout, of methods that go by gradients or the graph.
    """

    store: Path
    images: int = 0
    done: int = 0
    failed: int = 0
    rows: int = 0
    seconds: float = 0.0
    startup: dict[str, float] = field(default_factory=dict)
    residual_median: float | None = None
    residual_max: float | None = None
    evaluations: float | None = None
    explained: str = ""
    zero_maps: int = 0
    left_out: str = ""

    @property
    def images_per_second(self) -> float:
        return self.rows / self.seconds if self.seconds else 0.0


def together(store: Path, parts: list[Summary]) -> Summary:
    """The summary of a run done in parts. Where there are several, the method has no residuals."""
    if len(parts) == 1:
        return parts[0]
    whole = Summary(store)
    for part in parts:
        for name in ("images", "done", "failed", "rows", "seconds", "zero_maps"):
            setattr(whole, name, getattr(whole, name) + getattr(part, name))
        for lap, seconds in part.startup.items():
            whole.startup[lap] = whole.startup.get(lap, 0.0) + seconds
    return whole


def summary_of(store: Store, rows: int, seconds: float, startup: dict[str, float]) -> Summary:
    """What ``store`` holds now that this process did so many ``rows`` in ``seconds``, after ``startup``."""
    status = _all(store, STATUS)
    known = (status == OK) | (status == RESULT_NOT_FINITE)
    summary = Summary(
        store=store.path,
        images=store.rows,
        done=int((status != PENDING).sum()),
        failed=int(((status != PENDING) & (status != OK)).sum()),
        rows=rows,
        seconds=seconds,
        startup=startup,
    )
    programs, units = (store.manifest["explainer"].get(entry) for entry in ("programs", "units"))
    summary.explained = units or (programs[0].get("explained", "") if programs else "")
    summary.zero_maps = sum(entry["maps"] for entry in store.zero_maps())
    if known.any():
        if "evaluations" in store.arrays:
            summary.evaluations = float(_all(store, "evaluations")[known].mean())
        if "residual" in store.arrays:
            residual = _all(store, "residual")[known]
            residual = residual[np.isfinite(residual)]
            if residual.size:
                summary.residual_median = float(np.median(residual))
                summary.residual_max = float(residual.max())
    return summary


def _all(store: Store, name: str) -> np.ndarray:
    """All rows of an array. Those that were damaged count as not done: they may be another shard's."""
    whole = []
    for chunk in range(store.chunks):
        try:
            whole.append(store.values(name, chunk))
        except InputError:
            entry = {"dtype": "uint8", "shape": []} if name == STATUS else store.manifest["arrays"][name]
            shape = (len(store.rows_of(chunk)), *entry["shape"])
            whole.append(np.full(shape, fill_value(name, entry["dtype"]), entry["dtype"]))
    return np.concatenate(whole)
