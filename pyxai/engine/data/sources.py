"""Where images come from: a folder or tree of pictures, a zip of one (read in place), or an array file.

A source names its images (:meth:`names`) and reads one of them (:meth:`read`). It holds a path and nothing
else, so that it is cheap to send to a decode worker. Names are relative POSIX paths in code point order; the
same tree has the same names as a folder and as a zip, hence the same sample ids.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, UnidentifiedImageError

from pyxai.engine.data.pictures import upright, upright_size
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.errors import InputError, RowError
from pyxai.engine.status import NOT_FINITE, UNREADABLE, WRONG_SIZE

EXTENSIONS = (
    ".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm",
)  # fmt: skip


def open_source(path: str | os.PathLike) -> Source:
    """The source at ``path``; an :class:`InputError` where there is nothing usable."""
    path = Path(path)
    if path.is_dir():
        return Folder(path.resolve())
    if not path.exists():
        raise InputError(f"no such file or folder: {path}")
    if path.suffix in (".npy", ".npz"):
        return Array(path.resolve())
    if zipfile.is_zipfile(path):
        return Zip(path.resolve())
    raise InputError(f"{path} is neither a folder, a zip, an .npy nor an .npz file")


@dataclass(frozen=True)
class Source:
    """Images at ``path``."""

    path: Path

    kind = ""

    def names(self) -> list[str]:
        """Every image's name, in the order of the rows."""
        raise NotImplementedError

    def stamps(self) -> Iterator[str]:
        """What tells another source with the same names apart; nothing of pictures, which may be repaired."""
        return iter(())

    def size(self, name: str) -> tuple[int, int]:
        """(height, width) of one image as stored."""
        raise NotImplementedError

    def read(self, name: str, preprocess: Preprocess) -> np.ndarray:
        """One image resized and cropped, (C, H, W): uint8, or float32 for arrays of floats."""
        raise NotImplementedError


@dataclass(frozen=True)
class Pictures(Source):
    """Picture files; subclasses say how one is opened."""

    def open(self, name: str) -> io.IOBase:
        raise NotImplementedError

    def size(self, name: str) -> tuple[int, int]:
        with self.open(name) as file, Image.open(file) as image:
            return upright_size(image)

    def read(self, name: str, preprocess: Preprocess) -> np.ndarray:
        with self.open(name) as file, Image.open(file) as image:
            return preprocess.picture(upright(image, preprocess.mode))


def _is_picture(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return name.lower().endswith(EXTENSIONS) and not any(part.startswith((".", "__MACOSX")) for part in parts)


@dataclass(frozen=True)
class Folder(Pictures):
    """The pictures in a folder and its subfolders, hidden ones left out."""

    kind = "folder"

    def names(self) -> list[str]:
        names = sorted(filter(_is_picture, _walk(str(self.path))))
        if not names:
            raise InputError(f"no pictures ({', '.join(EXTENSIONS)}) in {self.path}")
        return names

    def open(self, name: str) -> io.IOBase:
        return open(self.path / name, "rb")


def _walk(root: str) -> Iterator[str]:
    def fail(error: OSError):
        raise InputError(f"cannot list {error.filename}: {error.strerror}")

    for folder, _, files in os.walk(root, onerror=fail):
        relative = os.path.relpath(folder, root)
        for file in files:
            yield file if relative == "." else f"{relative}/{file}".replace(os.sep, "/")


@dataclass(frozen=True)
class Zip(Pictures):
    """The pictures in a zip archive, read without extracting it."""

    kind = "zip"

    def names(self) -> list[str]:
        members = _archive(self.path).namelist()
        for name in members:
            slashed = name.replace("\\", "/")
            if slashed.startswith("/") or slashed[1:2] == ":" or ".." in slashed.split("/"):
                raise InputError(f"{self.path} is refused: its member {name!r} points outside of the archive")
        names = sorted(filter(_is_picture, members))
        for first, second in itertools.pairwise(names):
            if first == second:
                raise InputError(f"{self.path} is refused: it has two members called {first!r}")
        if not names:
            raise InputError(f"no pictures ({', '.join(EXTENSIONS)}) in {self.path}")
        return names

    def open(self, name: str) -> io.IOBase:
        return io.BytesIO(_archive(self.path).read(name))


def _archive(path: Path) -> zipfile.ZipFile:
    return _open_archive(path, os.stat(path).st_mtime_ns)


@lru_cache(maxsize=1)
def _open_archive(path: Path, _modified: int) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(f"cannot read the zip {path}: {error}") from None


ROUNDING = 1e-6  # what floats may be beyond 0 and 1


@dataclass(frozen=True)
class Array(Source):
    """Images in an .npy file, or the only array (or the one called ``images``) of an .npz file.

    uint8 (0..255) or floats ([0, 1]) of shape (N, C, H, W), (N, H, W, C) or (N, H, W), where C is 1 or 3;
    where both could be, (N, C, H, W). Names are ``#0``, ``#1``, …
    """

    kind = "array"

    def names(self) -> list[str]:
        return [f"#{row}" for row in range(len(_pixels(self.path)))]

    def stamps(self) -> Iterator[str]:
        """Shape and dtype, and a hash of the first and last image."""
        pixels = _pixels(self.path)
        ends = hashlib.blake2b(pixels[0].tobytes() + pixels[-1].tobytes(), digest_size=16)
        yield f"{pixels.shape} {pixels.dtype} {ends.hexdigest()}"

    def _image(self, name: str) -> np.ndarray:
        return _pixels(self.path)[int(name[1:])]

    def size(self, name: str) -> tuple[int, int]:
        return self._image(name).shape[1:]

    def read(self, name: str, preprocess: Preprocess) -> np.ndarray:
        pixels = self._image(name)
        if pixels.dtype != np.uint8:
            pixels = pixels.astype(np.float32)
            if not np.isfinite(pixels).all():
                raise RowError(NOT_FINITE, "NaN or infinity in the image")
            low, high = pixels.min(), pixels.max()
            if low < -ROUNDING or high > 1 + ROUNDING:
                raise RowError(UNREADABLE, f"floats must lie in [0, 1], got {low:.6g} to {high:.6g}")
        if len(pixels) != len(preprocess.channels):
            wanted = len(preprocess.channels)
            raise RowError(WRONG_SIZE, f"channels: {len(pixels)}, the model's input has {wanted}")
        return preprocess.array(pixels)


def _pixels(path: Path) -> np.ndarray:
    return _load_pixels(path, os.stat(path).st_mtime_ns)


@lru_cache(maxsize=1)
def _load_pixels(path: Path, _modified: int) -> np.ndarray:
    """The file's images as (N, C, H, W), not read into memory where it is an .npy."""
    try:
        stored = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(stored, np.lib.npyio.NpzFile):
            if "images" not in stored and len(stored.files) != 1:
                raise InputError(f"{path} holds {', '.join(stored.files)}: call the images `images`")
            stored = stored["images" if "images" in stored else stored.files[0]]
    except InputError:
        raise
    except Exception as error:  # whatever a damaged or hostile file makes the reader raise
        raise InputError(f"cannot read {path}: {error}") from None
    if stored.dtype != np.uint8 and not np.issubdtype(stored.dtype, np.floating):
        raise InputError(f"{path} must hold uint8 or float images, got {stored.dtype}")
    if stored.ndim == 3:
        stored = stored[:, None]
    elif stored.ndim == 4 and stored.shape[1] not in (1, 3) and stored.shape[3] in (1, 3):
        stored = stored.transpose(0, 3, 1, 2)
    if stored.ndim != 4 or stored.shape[1] not in (1, 3) or 0 in stored.shape:
        raise InputError(
            f"{path} must have shape (N, C, H, W), (N, H, W, C) or (N, H, W), C 1 or 3, got {stored.shape}"
        )
    return stored


def read_row(source: Source, name: str, preprocess: Preprocess, shape: tuple[int, ...] | None) -> np.ndarray:
    """One image, or a :class:`RowError` saying why there is none.

    ``shape`` is the (C, H, W) every image of the run has; None where it is not settled yet.
    """
    try:
        pixels = source.read(name, preprocess)
    except RowError:
        raise
    except UnidentifiedImageError:  # its own message holds a memory address
        raise RowError(UNREADABLE, "not a picture, or a damaged header") from None
    except Exception as error:  # decoders raise whatever a damaged or hostile file makes them raise
        raise RowError(UNREADABLE, f"{type(error).__name__}: {error}") from None
    if shape is not None and pixels.shape != tuple(shape):
        found, wanted = ("x".join(map(str, s[1:])) for s in (pixels.shape, shape))
        raise RowError(WRONG_SIZE, f"{found} pixels, the run's images have {wanted}: use --resize and --crop")
    return pixels
