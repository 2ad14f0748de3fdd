"""Pictures and jobs of the engine's tests."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr
from PIL import Image

from pyxai.engine import Job
from pyxai.engine.data.ids import listing_hash
from pyxai.engine.store.store import Store

TINY = Path(__file__).with_name("tiny.py")


def picture(number: int, size: int = 12) -> Image.Image:
    """A reproducible colour picture with some structure."""
    y, x = np.mgrid[:size, :size] / size
    wave = [np.sin((number % 7 + 1) * x + k) * np.cos((number % 5 + 1) * y * (k + 1)) for k in range(3)]
    grain = np.random.default_rng(number).normal(0, 0.1, (size, size, 3))
    return Image.fromarray(np.uint8(255 * np.clip(0.5 + 0.4 * np.stack(wave, -1) + grain, 0, 1)))


def fill_folder(folder: Path, count: int, size: int = 12) -> Path:
    for number in range(count):
        file = folder / ("even" if number % 2 == 0 else "odd") / f"{number:04d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture(number, size).save(file)
    return folder


def clip(number: int, count: int, size: int = 12) -> np.ndarray:
    """Frames (T, H, W, 3) of a square that moves, in few colours, so that a GIF keeps them."""
    frames = np.full((count, size, size, 3), 40 + 8 * (number % 5), np.uint8)
    for place, frame in enumerate(frames):
        left = (number + place) % (size - 4)
        frame[3:7, left : left + 4] = [200, 30 * (number % 7), 5 * (place % 50)]
    return frames


def gif(file: Path, frames: np.ndarray) -> Path:
    """The frames as an animation."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pictures = [Image.fromarray(frame) for frame in frames]
    pictures[0].save(file, save_all=True, append_images=pictures[1:], duration=40, optimize=False)
    return file


def frames_folder(folder: Path, frames: np.ndarray, ending: str = "png") -> Path:
    """The frames as pictures in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    options = {"lossless": True} if ending == "webp" else {}
    for place, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{place:03d}.{ending}", **options)
    return folder


def stored_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of a store, whole."""
    group = zarr.open_group(str(path), mode="r")
    return {name: group[name][:] for name in [*Store(path).manifest["arrays"], "status"]}


def assert_same_arrays(first: Path, second: Path) -> None:
    """Bit for bit."""
    one, two = stored_arrays(first), stored_arrays(second)
    assert one.keys() == two.keys()
    for name in one:
        assert one[name].dtype == two[name].dtype
        assert one[name].tobytes() == two[name].tobytes(), f"{name} differs"


def made_manifest(arrays: dict, count: int, shape: tuple[int, int, int] = (3, 4, 4)) -> dict:
    """The least that a manifest says: of a run of ``count`` images of ``shape``."""
    return {
        "format": "pyxai-run",
        "format_version": 1,
        "method": "gradient",
        "model": {"spec": "net"},
        "preprocess": {},
        "source": {"kind": "folder", "path": "photos"},
        "images": {"count": count, "shape": list(shape), "names": "hash"},
        "rows": 8,
        "threads": 1,
        "chunk": 64,
        "arrays": arrays,
        "explainer": {"programs": []},
    }


def made_store(path: Path, rows: int = 100, begun: int | None = None, **changes) -> Store:
    """A store of maps of 4x4 pixels, of no run, in which every row is done, or those of ``begun`` chunks."""
    arrays = {
        "heatmap": {"shape": [4, 4], "dtype": "float32"},
        "target": {"shape": [], "dtype": "int64"},
        "score": {"shape": [], "dtype": "float32"},
    }
    names = [f"{row:03d}.png" for row in range(rows)]
    manifest = made_manifest(arrays, rows)
    manifest["images"]["names"] = listing_hash(names, ())
    store = Store.create(path, {**manifest, **changes}, names)
    generator = np.random.default_rng(0)
    for chunk in range(store.chunks if begun is None else begun):
        count = len(store.rows_of(chunk))
        values = {
            "heatmap": generator.normal(size=(count, 4, 4)).astype(np.float32),
            "target": generator.integers(0, 5, count),
            "score": generator.normal(size=count).astype(np.float32),
        }
        store.write(chunk, values, np.ones(count, np.uint8), {})
    return store


def as_before(path: Path) -> None:
    """Make a store what versions before this wrote: no checksums, no names of axes, no attributes."""
    old = zarr.open_group(str(path), mode="r")
    arrays = {name: (old[name][:], old[name].chunks, old[name].fill_value) for name in old.array_keys()}
    (path / "zarr.json").write_text(json.dumps({"attributes": {}, "zarr_format": 3, "node_type": "group"}))
    group = zarr.open_group(str(path), mode="r+")
    for name, (values, chunks, fill) in arrays.items():
        shutil.rmtree(path / name)
        made = group.create_array(
            name, shape=values.shape, chunks=chunks, dtype=values.dtype, fill_value=fill
        )
        made[:] = values


def flip(file: Path, bit: int | None = None) -> None:
    """Turn one bit of a file, by default in the middle."""
    data = bytearray(file.read_bytes())
    bit = 4 * len(data) if bit is None else bit
    data[bit // 8] ^= 1 << bit % 8
    file.write_bytes(data)


class Payload:
    """What a hostile pickle would hold."""

    def __reduce__(self):
        return (print, ("the pickle ran code",))


@pytest.fixture(autouse=True)
def _one_thread():
    """Nets this small only lose by threads, most of all on a machine that is busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def photos(tmp_path_factory) -> Path:
    """150 pictures of 12x12 in two class folders: three chunks, the last one short. Not to be written to."""
    return fill_folder(tmp_path_factory.mktemp("photos"), 150)


@pytest.fixture(scope="session")
def mixed(tmp_path_factory) -> Path:
    """Five pictures of 20x20, three of 24x30, one pixel, one column, and one that is cut off."""
    folder = fill_folder(tmp_path_factory.mktemp("mixed"), 5, 20)
    for number in range(3):
        picture(number, 30).crop((0, 0, 30, 24)).save(folder / f"wide{number}.png")
    picture(9, 20).crop((0, 0, 1, 1)).save(folder / "pixel.png")
    picture(9, 20).crop((0, 0, 1, 20)).save(folder / "column.png")
    whole = (folder / "even" / "0000.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture
def job(photos, tmp_path):
    """A function that makes a job; keywords replace its defaults."""

    def make(**changes) -> Job:
        settings = {
            "model": f"{TINY}:net",
            "data": photos,
            "out": tmp_path / "run.zarr",
            "method": "integrated_gradients",
            "options": {"steps": 4}
            if changes.get("method", "integrated_gradients") == "integrated_gradients"
            else {},
        }
        return Job(**{**settings, **changes})

    return make
