"""Images in an .npy or .npz file."""

from __future__ import annotations

import hashlib
import math
import os
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from pyxai.engine.data.called import Preprocessing
from pyxai.engine.data.depth import planes
from pyxai.engine.data.files import open_regular
from pyxai.engine.data.frames import evenly, stacked
from pyxai.engine.data.limits import Limits
from pyxai.engine.data.source import Listing, Source
from pyxai.engine.errors import InputError, RowError, one_line
from pyxai.engine.status import NOT_FINITE, UNREADABLE, WRONG_SIZE

ROUNDING = 1e-6  # what floats may be beyond 0 and 1

_NORMALISED = 16.0  # standard deviations that no normalised picture goes beyond


@dataclass(frozen=True)
class Array(Source):
    """Images in an .npy file, or the only array (or the one called ``images``) of an .npz file.

    Clips are of shape (N, C, T, H, W) or (N, T, H, W, C).

    uint8 (0..255), floats ([0, 1]), or with a range any integers and floats, of shape (N, C, H, W), (N, H, W,
    C) or (N, H, W); where both could be, (N, C, H, W). The last axis holds the channels where it has 1 or 3,
    or as many as the model says, and the second has not. Names are ``#0``, ``#1``, …

    Attributes:
        frames: how many of a clip's frames are taken, evenly; None for all.
    """

    frames: int | None = None

    kind = "array"
    in_memory = True

    def listing(self) -> Listing:
        if self.frames is not None and self._stored().ndim != 5:
            raise InputError(
                f"{self.path} has shape {self._stored().shape} and no clips (N, C, T, H, W): "
                "leave out --frames"
            )
        return Listing([f"#{row}" for row in range(len(self._stored()))])

    def stamps(self) -> Iterator[str]:
        """Shape and dtype, and a hash of the first and last image."""
        pixels = _channels_first(self._stored())
        ends = hashlib.blake2b(pixels[0].tobytes() + pixels[-1].tobytes(), digest_size=16)
        yield f"{pixels.shape} {pixels.dtype} {ends.hexdigest()}"

    def _stored(self) -> np.ndarray:
        return _load(self.path, self.limits, os.stat(self.path).st_mtime_ns)

    def size(self, name: str) -> tuple[int, int]:
        return _channels_first(self._stored()).shape[-2:]

    def channels(self, name: str) -> int:
        return _channels_first(self._stored()).shape[1]

    def read(self, name: str, preprocess: Preprocessing, notes: list[str] | None = None) -> np.ndarray:
        wanted = getattr(preprocess, "count", None)  # a function says nothing of channels
        pixels = _channels_first(self._stored(), wanted)[int(name[1:])]
        if self.frames is not None:
            pixels = pixels[:, evenly(pixels.shape[1], self.frames)]
        if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
            raise RowError(NOT_FINITE, "NaN or infinity in the image")
        if preprocess.range is not None:
            if notes is not None and pixels.dtype.kind == "f" and _twice(preprocess):
                low, high = preprocess.range
                notes.append(
                    f"{low:g} is taken for black and {high:g} for white, and then normalised; if the array "
                    f"is normalised already, {_as_it_is(low, high)} leaves it as it is"
                )
            pixels = planes(pixels, preprocess.range)
        elif pixels.dtype != np.uint8:
            pixels = _unit(pixels)
        if wanted not in (None, len(pixels)):
            clip = self.clip(name, ())
            reason = f"channels: {len(pixels)}, the model's input has {wanted}"
            raise RowError(WRONG_SIZE, f"{reason}; {clip}" if clip else reason)
        if pixels.ndim == 3:
            return preprocess.array(pixels)
        return stacked([preprocess.array(frame) for frame in pixels.swapaxes(0, 1)])

    def clip(self, name: str, names: Iterable[str]) -> str:
        shape = self._stored().shape
        if len(shape) != 5:
            return ""
        return (
            f"an array of shape {shape} looks like clips: they must be (N, C, T, H, W) or (N, T, H, W, C); "
            "--frames T explains T frames of each"
        )


def _unit(pixels: np.ndarray) -> np.ndarray:
    """float32 in [0, 1]; a :class:`RowError` for floats beyond, and for integers, which have no range."""
    if pixels.dtype.kind != "f":
        raise RowError(UNREADABLE, f"{pixels.dtype} has no defined range: give --range")
    pixels = pixels.astype(np.float32)
    low, high = pixels.min(), pixels.max()
    if low < -ROUNDING or high > 1 + ROUNDING:
        cure = "give --range with the values that are black and white"
        if low < -ROUNDING:
            cure += f", or {_as_it_is(low, high)} if the array is normalised already"
        raise RowError(UNREADABLE, f"floats must lie in [0, 1], got {low:.6g} to {high:.6g}: {cure}")
    return pixels


def _as_it_is(low: float, high: float) -> str:
    """Options that hand floats from ``low`` to ``high`` to the model as they are stored."""
    bound = 2.0 ** math.ceil(math.log2(max(-low, high)))  # a power of two, so that dividing rounds nothing
    return f"--range=-{bound:g},{bound:g} --mean 0.5 --std {0.5 / bound:g}"


def _twice(preprocess: Preprocessing) -> bool:
    """Whether a range is of what looks normalised already, and is not taken back by mean and std."""
    low, high = preprocess.range
    if not -_NORMALISED <= low < 0:
        return False
    wanted = np.array([[low], [high]])
    return not np.allclose([preprocess.black, preprocess.white], wanted, atol=1e-6)


def _channels_first(stored: np.ndarray, wanted: int | None = None) -> np.ndarray:
    """(N, C, H, W), of clips (N, C, T, H, W), of the array as stored."""
    if stored.ndim == 3:
        return stored[:, None]
    for channels in ((wanted,), (1, 3)):
        if stored.shape[1] in channels:
            break
        if stored.shape[-1] in channels:
            return np.moveaxis(stored, -1, 1)
    return stored


@lru_cache(maxsize=1)
def _load(path: Path, limits: Limits, _modified: int) -> np.ndarray:
    """The file's images, 3 to 5 axes; not read into memory where they are not compressed."""
    try:
        stored = _mapped(path, limits)
    except InputError:
        raise
    except Exception as error:  # whatever a damaged or hostile file makes the reader raise
        raise InputError(f"cannot read {path}: {one_line(error)}") from error
    if stored.dtype.kind not in "uif" or stored.dtype.itemsize > 8:
        raise InputError(f"{path} must hold integer or float images, got {stored.dtype}")
    if stored.ndim not in (3, 4, 5) or 0 in stored.shape:
        wanted = "(N, C, H, W), (N, H, W, C) or (N, H, W), or of clips (N, C, T, H, W) or (N, T, H, W, C)"
        raise InputError(f"{path} must have shape {wanted}, got {stored.shape}")
    return stored


def _mapped(path: Path, limits: Limits) -> np.ndarray:
    with open_regular(path) as file:
        if not zipfile.is_zipfile(file):
            return np.load(path, mmap_mode="r", allow_pickle=False)
        archive = zipfile.ZipFile(file)
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        if "images" not in members and len(members) != 1:
            raise InputError(f"{path} holds {', '.join(members)}: call the images `images`")
        member = members["images" if "images" in members else next(iter(members))]
        if member.compress_type == zipfile.ZIP_STORED and not member.flag_bits & 1:
            return _in_place(path, archive, member)
        try:
            limits.check_unpacked(member.file_size)
        except ValueError as error:
            raise InputError(f"{path}: {member.filename} {error}") from None
        with archive.open(member) as stored:
            shape, fortran, dtype = _header(stored)
            _check_length(shape, dtype, member)
            values = np.frombuffer(stored.read(), dtype)
        return values.reshape(shape, order="F" if fortran else "C")


def _in_place(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """An array that lies in the file as it is."""
    with archive.open(member) as stored:
        shape, fortran, dtype = _header(stored)
        _check_length(shape, dtype, member)
        header = stored.tell()
    with open_regular(path) as file:
        file.seek(member.header_offset + 26)  # the lengths of name and extra field, before the content
        lengths = file.read(4)
    begins = member.header_offset + 30 + sum(int.from_bytes(lengths[at : at + 2], "little") for at in (0, 2))
    return np.memmap(path, dtype, "r", begins + header, shape, "F" if fortran else "C")


def _header(stored: Any) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, order and dtype of an .npy member; it stands at the values afterwards."""
    version = np.lib.format.read_magic(stored)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stored)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are pickles")
    return shape, fortran, dtype


def _check_length(shape: tuple[int, ...], dtype: np.dtype, member: zipfile.ZipInfo) -> None:
    """A header must not promise more than there is, nor less."""
    size = math.prod(shape) * dtype.itemsize
    if min(shape, default=1) < 0 or not size <= member.file_size <= size + 2**16:
        raise ValueError(f"an array of shape {shape} and {dtype} in {member.file_size} bytes")
