"""Everything before the first batch: model, images, explainer, store. A refusal here has written nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pyxai.capture.rows import default_rows
from pyxai.engine.data.called import Called, Preprocessing
from pyxai.engine.data.images import Images, find_images
from pyxai.engine.data.limits import Limits
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.errors import refusals
from pyxai.engine.job import Job
from pyxai.engine.models.weights import weights_hash
from pyxai.engine.runner.begin import check_programs, check_same, create, on_first
from pyxai.engine.runner.check import check_bounds, check_out, share
from pyxai.engine.runner.distributed import World
from pyxai.engine.runner.inputs import Targets, model_input, model_of, preprocess_of, targets
from pyxai.engine.store.manifest import identity
from pyxai.engine.store.plain import code_identity, plain, preprocess_identity
from pyxai.engine.store.store import Store
from pyxai.explainer import Explainer
from pyxai.methods import fill_options
from pyxai.methods.names import names_of


@dataclass
class Clock:
    """Seconds by what they were spent on."""

    laps: dict[str, float] = field(default_factory=dict)
    _last: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        """What was done since the last lap was ``name``."""
        now = time.perf_counter()
        self.laps[name] = self.laps.get(name, 0.0) + now - self._last
        self._last = now


@dataclass(frozen=True)
class Prepared:
    """A run that can begin.

    Attributes:
        explainer: captured, with its rows fixed.
        images: what is explained.
        target: None, an int, ``"topK"``, (N,) or (N, T) int64, or a callable.
        store: open for writing.
        device, dtype: of the model's input.
        shard: (i, n), the chunks that are this process's.
    """

    explainer: Explainer
    images: Images
    target: Targets
    store: Store
    device: torch.device
    dtype: torch.dtype
    shard: tuple[int, int]

    def input(self, pixels: list[np.ndarray]) -> Tensor:
        """Pixels of some rows as the model's input."""
        return model_input(pixels, self.images.preprocess, self.device, self.dtype)

    def capture(self) -> None:
        """Make the model ready; an :class:`InputError` where it runs otherwise than the store was begun."""
        with refusals():
            on_first(self.images, self.input, lambda _, image: self.explainer.prepare(image, self.target))
        check_programs(self.store, self.explainer)


def prepare(job: Job, here: World, clock: Clock) -> Prepared:
    """Load what ``job`` needs, and create or open its store."""
    shard = share(job, here)
    out = Path(job.out)
    here.leader(lambda: check_out(job, out))
    loaded, device = model_of(job, here)
    clock.lap("model")
    preprocess = preprocess_of(job, loaded.preprocess)
    stored = Store(out).manifest if Store.exists(out) else None
    alike = stored and stored["source"].get("frames") == job.frames
    known = alike and stored["preprocess"] == preprocess_identity(preprocess)
    shape = tuple(stored["images"]["shape"]) if known else None
    silent = loaded.preprocess == Preprocess() and "channels" not in job.preprocess
    limits = Limits(job.max_pixels, job.max_unpacked)
    images = find_images(job.data, preprocess, shape, job.names, limits, silent, job.frames, job.limit)
    class_names = job.class_names or names_of(loaded.model)
    target = targets(job.target, len(images.names), class_names, first=job.limit is not None)
    clock.lap("listing")
    parameters = loaded.model.parameters() if loaded.model else ()
    dtype = next((p.dtype for p in parameters if p.is_floating_point()), torch.float32)
    rows = stored["rows"] if stored else job.rows or default_rows((1, *images.shape), device)
    explainer = _explainer(job, loaded.model, rows, images.preprocess, class_names)
    identified = identity(
        job,
        explainer,
        images,
        model={"spec": loaded.spec, "weights": weights_hash(loaded.model)} if loaded.model else None,
        target=code_identity(target, job.target) if callable(target) else plain(target),
        device=device.type,
    )

    def to_input(pixels: list[np.ndarray]) -> Tensor:
        return model_input(pixels, images.preprocess, device, dtype)

    def begin() -> None:
        if not Store.exists(out):
            create(job, identified, explainer, images, to_input, target)

    here.leader(begin)
    store = Store(out)
    check_same(job, store, identified)
    torch.set_num_threads(store.manifest["threads"])
    explainer.rows = store.manifest["rows"]
    clock.lap("capture")
    return Prepared(explainer, images, target, store, device, dtype, shard)


def _explainer(
    job: Job,
    model: nn.Module | None,
    rows: int,
    preprocess: Preprocessing,
    class_names: dict[int, str],
) -> Explainer:
    """The explainer of the run; where options are silent, black and white are those of the preprocessing."""
    called = isinstance(preprocess, Called)
    with refusals():
        options = fill_options(job.method, job.options, {"seed": job.seed})
        if called:
            check_bounds(job.method, options, preprocess.name)
        return Explainer(
            model,
            job.method,
            rows=rows,
            precision=job.precision,
            output=job.output,
            output_kind=job.output_kind,
            class_names=class_names,
            preprocess=None if called else preprocess,
            **options,
        )
