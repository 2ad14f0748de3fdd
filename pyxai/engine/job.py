"""What a run is asked to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

BATCH = 64
"""Images that are explained together where a job says nothing else."""


@dataclass(frozen=True)
class Job:
    """One run: every image of ``data`` explained for ``model`` by ``method`` and stored in ``out``.

    Attributes:
        model: a model specification (see :mod:`pyxai.engine.models.load`), or a module; None for the methods
            that need none.
        data: folder, zip, picture, .npy or .npz.
        frames: of each clip, where folders of frames and files with several are explained as clips; None for
            pictures, and for the clips of an array as they are.
        limit: how many of the first images in ``data`` are explained; None for all. A store is continued
            with the same number only.
        names: of the images in ``data``, those to explain, in order; None for all.
        out: the store, a folder that is created.
        method, options: as in ``pyxai.explain``.
        target: None or ``"predicted"`` for the predicted class, an int, ``"topK"``, text of one class or
            several by number or name, as in ``"0,tabby"``, the path of an .npy file with the classes of every
            image, (N,) or (N, T), or a callable of one image's output, itself or by its place,
            ``path/file.py:NAME`` or ``package.module:NAME``.
        output: which tensor of what the model returns is explained, as in ``pyxai.explain``.
        output_kind: what the output means, as in ``pyxai.explain``.
        class_names: class to name, of those that can be targets by name; empty for those that the model
            carries.
        eval: whether a model that is loaded in training mode is put into evaluation mode, not refused.
        preprocess: changes to the model's own preprocessing, by field name of
            :class:`~pyxai.engine.data.preprocess.Preprocess`.
        max_pixels: of one picture, or of all frames of a clip; larger ones are failed rows.
        max_unpacked: bytes that one compressed file of a zip or ``.npz`` may become.
        batch_size: images handed to the explainer at a time; changes speed and memory, never results.
        rows: fixed rows of every model call; None settles it once and stores it.
        device: torch device; None for CUDA where there is one.
        precision: "fp32" or "bf16".
        seed: of the methods that draw random numbers.
        keep: "heatmap", "attribution" or "both"; None for what the method declares.
        store_dtype: "float32" or "float16", of heat maps and attributions.
        workers: processes that decode pictures; 0 decodes on a thread of this process; None: 0 on a CPU,
            where the cores are better spent on the model, else up to 8.
        resume: continue the store if it exists.
        retry_failed: do those rows again, too, that failed.
        strict: stop at the first row that fails.
        max_failed: how many rows may fail before the run stops: a number, as in ``"10"``, or the share of
            those that were tried, as in ``"90%"``, which counts from the 64th on.
        shard: (i, n): do the chunks i, i + n, i + 2n, … only.
    """

    model: str | nn.Module | None
    data: str | Path
    out: str | Path
    method: str = "integrated_gradients"
    options: dict[str, Any] = field(default_factory=dict)
    target: int | str | Callable[[Any], Any] | None = None
    output: int | str | Callable[[Any], Any] | None = None
    output_kind: str = "auto"
    class_names: dict[int, str] = field(default_factory=dict)
    eval: bool = False
    preprocess: dict[str, Any] = field(default_factory=dict)
    batch_size: int = BATCH
    rows: int | None = None
    device: str | None = None
    precision: str = "fp32"
    seed: int = 0
    keep: str | None = None
    store_dtype: str = "float32"
    workers: int | None = None
    resume: bool = False
    retry_failed: bool = False
    strict: bool = False
    max_failed: str = "90%"
    shard: tuple[int, int] = (0, 1)
    limit: int | None = None
    names: tuple[str, ...] | None = None
    frames: int | None = None
    max_pixels: int = 2**27
    max_unpacked: int = 2**28
