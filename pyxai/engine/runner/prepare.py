"""Everything before the first batch: model, images, explainer, store. A refusal here has written nothing."""

from __future__ import annotations

import dataclasses
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pyxai.capture.needs import Needs
from pyxai.capture.rows import default_rows
from pyxai.engine.data.images import Images, find_images
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.errors import InputError, one_line
from pyxai.engine.job import Job
from pyxai.engine.models.load import LoadedModel, load_model
from pyxai.engine.models.weights import weights_hash
from pyxai.engine.runner.distributed import World
from pyxai.engine.store.manifest import differences, identity, manifest, plain
from pyxai.engine.store.results import describe, tensors
from pyxai.engine.store.store import Store, check_space, nearest_folder
from pyxai.explainer import Explainer
from pyxai.methods import fill_options, get_method


@dataclass
class Clock:
    """Seconds by what they were spent on."""

    laps: dict[str, float] = field(default_factory=dict)
    _last: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = self.laps.get(name, 0.0) + now - self._last
        self._last = now


@dataclass(frozen=True)
class Prepared:
    """A run that can begin.

    Attributes:
        explainer: captured, with its rows fixed.
        images: what is explained.
        target: None, an int, ``"topK"`` or (N,) or (N, T) int64.
        store: open for writing.
        device, dtype: of the model's input.
        shard: (i, n), the chunks that are this process's.
    """

    explainer: Explainer
    images: Images
    target: int | str | np.ndarray | None
    store: Store
    device: torch.device
    dtype: torch.dtype
    shard: tuple[int, int]

    def input(self, pixels: list[np.ndarray]) -> Tensor:
        """Pixels of some rows as the model's input."""
        return model_input(pixels, self.images.preprocess, self.device, self.dtype)


def model_input(
    pixels: list[np.ndarray], preprocess: Preprocess, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """Pixels (C, H, W) of each image to (N, C, H, W) on ``device``."""
    return preprocess.normalise(torch.from_numpy(np.stack(pixels)).to(device)).to(dtype)


def out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out, on a GPU or on the CPU."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def prepare(job: Job, here: World, clock: Clock) -> Prepared:
    """Check ``job``, load what it needs, and create or open its store."""
    shard = _shard(job, here)
    out = Path(job.out)
    here.leader(lambda: _check_out(job, out))
    loaded, device = _model(job, here)
    clock.lap("model")
    preprocess = preprocess_of(job, loaded.preprocess)
    stored = Store(out).manifest if Store.exists(out) else None
    known = stored and stored["preprocess"] == preprocess.as_json()
    shape = tuple(stored["images"]["shape"]) if known else None
    images = find_images(job.data, preprocess, shape, job.names)
    target = _target(job.target, len(images.names))
    clock.lap("listing")
    parameters = loaded.model.parameters() if loaded.model else ()
    dtype = next((p.dtype for p in parameters if p.is_floating_point()), torch.float32)
    rows = stored["rows"] if stored else job.rows or default_rows((1, *images.shape), device)
    explainer = _explainer(job, loaded.model, rows, preprocess)
    identified = identity(
        job,
        explainer,
        images,
        model={"spec": loaded.spec, "weights": weights_hash(loaded.model)} if loaded.model else None,
        target=plain(target),
        device=device.type,
    )
    first = model_input([images.pixels], images.preprocess, device, dtype)

    def create() -> None:
        if not Store.exists(out):
            chosen = target[images.first : images.first + 1] if isinstance(target, np.ndarray) else target
            arrays = _probe(job, explainer, first, chosen)
            _check_classes(target, explainer.classes)
            check_space(out, arrays, len(images.names))
            Store.create(out, _manifest(job, identified, explainer, images, arrays), images.names)

    here.leader(create)
    store = Store(out, mode="r+")
    _check_same(job, store, identified)
    torch.set_num_threads(store.manifest["threads"])
    explainer.rows = store.manifest["rows"]
    _refused(lambda: explainer.prepare(first))
    _check_programs(store, explainer)
    clock.lap("capture")
    return Prepared(explainer, images, target, store, device, dtype, shard)


def _shard(job: Job, here: World) -> tuple[int, int]:
    index, count = job.shard
    if not (count >= 1 and 0 <= index < count):
        raise InputError(f"--shard must be i/n with i from 0 to n - 1, got {index}/{count}")
    if here.size > 1 and count > 1:
        raise InputError("--shard and torchrun both share out the chunks: use one of them")
    return (here.rank, here.size) if here.size > 1 else job.shard


def checked(job: Job) -> Job:
    """``job`` with what its method decides filled in.

    Raises:
        InputError: something is wrong with the job by itself.
    """
    try:
        method = get_method(job.method)
    except ValueError as error:
        raise InputError(str(error)) from None
    job = dataclasses.replace(job, keep=job.keep or method.keep)
    for name, value, choices in (
        ("--keep", job.keep, ("heatmap", "attribution", "both")),
        ("--store-dtype", job.store_dtype, ("float32", "float16")),
        ("--precision", job.precision, ("fp32", "bf16")),
    ):
        if value not in choices:
            raise InputError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
    for name, number, least in (
        ("--batch-size", job.batch_size, 1),
        ("--rows", job.rows, 1),
        ("--workers", job.workers, 0),
    ):
        if number is not None and number < least:
            raise InputError(f"{name} must be at least {least}, got {number}")
    free = method.needs is Needs.NOTHING
    if free and (job.model is not None or job.target is not None):
        raise InputError(f"{job.method} looks at the images alone: leave out --model and --target")
    if not free and job.model is None:
        raise InputError(f"{job.method} explains a model: name it with --model")
    return job


def _check_out(job: Job, out: Path) -> None:
    """A store that is there already must be meant; the place of one that is not must be writable."""
    if Store.exists(out):
        refuse_existing(job, out)
        Store(out)
        return
    try:
        os.rmdir(tempfile.mkdtemp(dir=nearest_folder(out)))
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}") from None


def refuse_existing(job: Job, out: Path) -> None:
    """A store that is there already is continued only where that is asked for."""
    if not (job.resume or job.shard[1] > 1):
        raise InputError(f"{out} exists: continue it with --resume, or choose another --out")


def _model(job: Job, here: World) -> tuple[LoadedModel, torch.device]:
    """The model, if the method needs one, on its device. A module that was handed in stays where it is."""
    if isinstance(job.model, nn.Module):
        parameter = next(job.model.parameters(), torch.empty(0))
        return LoadedModel(job.model, Preprocess(), type(job.model).__qualname__), parameter.device
    name = job.device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        if device.type == "cuda" and device.index is None:
            device = torch.device("cuda", here.local_rank)
        torch.empty(0, device=device)
    except Exception as error:  # unknown name, no driver, no such device
        raise InputError(f"--device {name} cannot be used: {one_line(error)}") from None
    if job.model is None:
        return LoadedModel(None, Preprocess(), ""), device
    loaded = load_model(job.model)
    loaded.model.to(device)
    return loaded, device


def preprocess_of(job: Job, own: Preprocess) -> Preprocess:
    """The model's ``own`` preprocessing with the job's changes."""
    try:
        return dataclasses.replace(own, **job.preprocess)
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from None


def _target(target: int | str | None, count: int) -> int | str | np.ndarray | None:
    if not isinstance(target, str) or not target.endswith(".npy"):
        return target
    try:
        classes = np.load(target, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the targets {target}: {one_line(error)}") from None
    if not np.issubdtype(classes.dtype, np.integer) or classes.ndim not in (1, 2) or len(classes) != count:
        found = f"{classes.dtype} of shape {classes.shape}"
        raise InputError(f"{target} must hold integers of shape ({count},) or ({count}, T), got {found}")
    return classes.astype(np.int64)


def _explainer(job: Job, model: nn.Module | None, rows: int, preprocess: Preprocess) -> Explainer:
    def make() -> Explainer:
        known = {"seed": job.seed, "low": preprocess.black, "high": preprocess.white}
        options = fill_options(job.method, job.options, known)
        return Explainer(model, job.method, rows=rows, precision=job.precision, **options)

    return _refused(make)


def _refused(call):
    """What ``call`` gives; a refusal of the attribution package is one of the run's."""
    try:
        return call()
    except (TypeError, ValueError) as error:
        raise InputError(one_line(error)) from error


def _probe(job: Job, explainer: Explainer, image: Tensor, target) -> dict:
    """Explain one image in calls of the full number of rows: what it gives. Rows are halved until it fits."""
    while True:
        try:
            values = tensors(explainer(image, target), job.keep)
            return describe(values, job.store_dtype)
        except (TypeError, ValueError) as error:
            raise InputError(one_line(error)) from error
        except Exception as error:  # the model's own code may raise anything
            if not out_of_memory(error):
                shape = tuple(image.shape[1:])
                what = "`model`" if job.model else job.method
                raise InputError(f"{what} cannot take images of shape {shape}: {one_line(error)}") from error
            if job.rows is not None or explainer.rows == 1:
                raise InputError(f"out of memory at {explainer.rows} rows a call: lower --rows") from error
        explainer.rows //= 2


def _manifest(job: Job, identified: dict, explainer: Explainer, images: Images, arrays: dict) -> dict:
    return manifest(
        identified,
        rows=explainer.rows,
        threads=torch.get_num_threads(),
        seed=job.seed,
        source={"kind": images.source.kind, "path": str(images.source.path)},
        ids="BLAKE2b of the relative path, first 8 bytes, little-endian signed",
        reduce="sum",
        arrays=arrays,
        explainer=explainer.info(),
    )


def _check_programs(store: Store, explainer: Explainer) -> None:
    """Bits also depend on how the model runs, which is decided when it is captured."""
    begun, now = (plain(info["programs"]) for info in (store.manifest["explainer"], explainer.info()))
    if begun != now:
        raise InputError(f"{store.path} was begun with the model run as {begun}, here it would be {now}")


def _check_classes(target: int | str | np.ndarray | None, classes: int) -> None:
    if isinstance(target, np.ndarray) and not 0 <= target.min() <= target.max() < classes:
        found = f"{target.min()} to {target.max()}"
        raise InputError(f"--target must hold classes from 0 to {classes - 1}, got {found}")


def _check_same(job: Job, store: Store, identified: dict) -> None:
    found = differences(store.manifest, identified)
    if job.rows is not None and job.rows != store.manifest["rows"]:
        found.append(f"rows is {store.manifest['rows']} in the store, {job.rows} now")
    if found:
        raise InputError(f"{store.path} was made differently: {'; '.join(found)}")
