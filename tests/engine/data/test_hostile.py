"""Mutated pictures, arrays and zips: no crash, no hang, no traceback, and bounded memory.

``PYXAI_FUZZ`` says how many files are tried, 200 by default.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pyxai.engine import open as open_run
from pyxai.engine.status import PENDING
from tests.engine.conftest import TINY, picture
from tests.engine.data.test_tiff import tiff

COUNT = int(os.environ.get("PYXAI_FUZZ", 200))
MEMORY = 2 * 2**30  # bytes of all processes together
SECONDS = 240 + COUNT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * SECONDS)]


def pictures() -> list[tuple[str, bytes]]:
    """Ending and content of honest pictures of all kinds and several sizes."""
    found = []
    for number, size in enumerate((12, 12, 12, 20, 31)):
        colour = picture(number, size)
        alpha = colour.convert("RGBA")
        alpha.putalpha(Image.linear_gradient("L").resize(colour.size))
        deep = Image.fromarray(np.asarray(colour.convert("L"), np.uint16) * 200)
        kinds = [
            *((kind, colour, {}) for kind in ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")),
            ("PNG", alpha, {}), ("PNG", deep, {}), ("TIFF", deep, {}), ("PNG", colour.quantize(16), {}),
            ("PNG", colour.convert("1"), {}), ("JPEG", colour.convert("CMYK"), {}), ("WEBP", alpha, {}),
            ("JPEG", colour, {"progressive": True}), ("TIFF", colour, {"compression": "tiff_lzw"}),
            ("TIFF", colour, {"compression": "packbits"}),
            ("GIF", colour, {"save_all": True, "append_images": [colour.rotate(90)]}),
            ("TIFF", colour, {"save_all": True, "append_images": [colour.rotate(90)]}),
        ]  # fmt: skip
        for kind, image, options in kinds:
            file = io.BytesIO()
            image.save(file, kind, **options)
            found.append((kind.lower(), file.getvalue()))
        found.append(("tif", tiff(np.asarray(colour).transpose(2, 0, 1), deflate=True, t262=[2])))
    return found


def mutated(content: bytes, draw: np.random.Generator) -> bytes:
    """Bytes replaced (more often near the beginning), ranges removed, doubled or set to extremes, the end cut
    off.
    """
    changed = bytearray(content)
    for _ in range(draw.integers(1, 4)):
        if not changed:
            break
        place = int(len(changed) * draw.random() ** draw.choice([1, 1, 4]))
        place = min(place, len(changed) - 1)
        kind, length = draw.integers(7), int(draw.integers(1, 9))
        if kind == 0:
            changed[place] = draw.integers(256)
        elif kind == 1:
            changed[place] ^= 1 << int(draw.integers(8))
        elif kind == 2:
            changed[place : place + length] = bytes([draw.choice([0, 1, 127, 128, 255])]) * length
        elif kind == 3:
            del changed[place : place + length]
        elif kind == 4:
            changed[place:place] = changed[place : place + 8 * length]
        elif kind == 5:
            changed[place : place + 4] = draw.choice([2**31 - 1, 2**32 - 1, 60000, 2**24, 0]).tobytes()[:4]
        else:
            del changed[place + (len(changed) - place) // 2 :]
    return bytes(changed)


class Watched:
    """A command in a process group of its own, with the most memory that its processes held together."""

    def __init__(self, *command: object):
        self.most = 0
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pyxai", *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
            start_new_session=True,
        )
        threading.Thread(target=self._watch, daemon=True).start()
        self.said, _ = self.process.communicate(timeout=SECONDS)
        self.code = self.process.returncode

    def _watch(self) -> None:
        page = os.sysconf("SC_PAGE_SIZE")
        while self.process.poll() is None:
            held = 0
            for entry in Path("/proc").iterdir():
                try:
                    if entry.name.isdigit() and os.getpgid(int(entry.name)) == self.process.pid:
                        held += int((entry / "statm").read_text().split()[1]) * page
                except (OSError, ProcessLookupError):
                    continue
            self.most = max(self.most, held)
            time.sleep(0.05)


def explain(data: Path, out: Path, *more: object) -> Watched:
    """A run that ended by itself, with a sentence where it refused, and no more memory than it may."""
    done = Watched("explain", "--data", data, "--out", out, "--quiet", "--max-failed", "100%", *more)
    assert done.code in (0, 2, 3), done.said[-2000:]
    assert "Traceback" not in done.said, done.said[-2000:]
    assert done.most < MEMORY, f"{done.most / 2**30:.2f} GiB"
    if done.code == 2:
        assert done.said.strip().splitlines()[-1].startswith("pyxai: ")
    else:
        assert (open_run(out).status != PENDING).all()
    return done


CLASSICAL = ("--method", "spectral_residual")
WITH_MODEL = ("--method", "gradient", "--model", f"{TINY}:net", "--resize", 14, "--crop", 12)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize(
    "more", [CLASSICAL, WITH_MODEL, (*WITH_MODEL, "--workers", 2), (*WITH_MODEL, "--range", "0,65535")]
)
def test_mutated_pictures(tmp_path, more):
    draw = np.random.default_rng(15)
    honest = pictures()
    (tmp_path / "data").mkdir()
    for number in range(COUNT):
        ending, content = honest[number % len(honest)]
        name = f"{number:05}.{ending}" if number % 9 else f"{number:05}"  # some by their content only
        (tmp_path / "data" / name).write_bytes(mutated(content, draw))
    done = explain(tmp_path / "data", tmp_path / "run.zarr", *more)
    assert done.code == 3
    print(f"{COUNT} pictures, {' '.join(map(str, more))}: {done.most / 2**30:.2f} GiB\n{done.said}")


def containers(folder: Path) -> list[Path]:
    """Honest zips and arrays."""
    images = np.stack([np.asarray(picture(number)) for number in range(6)])
    np.save(folder / "a.npy", images)
    np.save(folder / "b.npy", (images / 255).astype(np.float32).transpose(0, 3, 1, 2))
    np.savez(folder / "a.npz", images=images)
    np.savez_compressed(folder / "b.npz", images=images, labels=np.arange(6))
    for packing, name in ((0, "a.zip"), (8, "b.zip"), (12, "c.zip"), (14, "d.zip")):
        with zipfile.ZipFile(folder / name, "w", packing) as archive:
            for number, (ending, content) in enumerate(pictures()[:6]):
                archive.writestr(f"folder/{number}.{ending}", content)
            archive.writestr("notes.txt", "text")
    return sorted(folder.iterdir())


PROGRAM = """
import json, sys
from pathlib import Path
from pyxai.engine import InputError, Preprocess
from pyxai.engine.data.images import find_images
from pyxai.engine.data.sources import read_row
from pyxai.engine.errors import RowError
for file in sorted(Path(sys.argv[1]).iterdir()):
    for preprocess in (Preprocess(), Preprocess(resize=14, crop=12, range=(0, 4095))):
        try:
            images = find_images(file, preprocess, silent=preprocess == Preprocess())
        except InputError as error:
            assert str(error).isprintable()
            continue
        for name in images.names:
            try:
                read_row(images.source, name, images.preprocess, images.shape)
            except RowError as error:
                pass
"""


def test_mutated_arrays_and_zips(tmp_path):
    """Every one is listed and read in one process; and of some a whole run is made."""
    draw = np.random.default_rng(16)
    (tmp_path / "honest").mkdir()
    (tmp_path / "data").mkdir()
    honest = containers(tmp_path / "honest")
    count = max(20, COUNT // 6)
    for number in range(count):
        whole = honest[number % len(honest)]
        (tmp_path / "data" / f"{number:05}{whole.suffix}").write_bytes(mutated(whole.read_bytes(), draw))
    command = [sys.executable, "-c", PROGRAM, tmp_path / "data"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr[-2000:]
    for number in range(0, count, 10):
        file = next((tmp_path / "data").glob(f"{number:05}.*"))
        explain(file, tmp_path / f"{number}.zarr", *(WITH_MODEL if number % 20 else CLASSICAL))
