"""Clips of a fixed number of frames: files with several frames, and folders of pictures."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

import numpy as np

from pyxai.engine.data.called import Preprocessing
from pyxai.engine.data.files import EXTENSIONS
from pyxai.engine.data.frames import evenly, stacked
from pyxai.engine.data.pictures import frames_of, has_frames
from pyxai.engine.data.reasons import reasons
from pyxai.engine.data.source import LeftOut, Listing, Pictures, Source
from pyxai.engine.errors import InputError

_MAY_HAVE_SEVERAL = (".webp", ".png", ".tif", ".tiff")


@dataclass(frozen=True)
class Clips(Source):
    """The clips among ``pictures``, each as ``frames`` of its frames, taken evenly.

    A GIF is a clip, and so is every other file with more than one frame or page. Pictures of one frame are
    the frames of the folder they lie in, in the order of their names, numbers in them by their value. The
    name of a clip is the path of its file or folder, ``.`` of the folder that holds everything.
    """

    frames: int = 1
    pictures: Pictures | None = None

    kind = "clips"

    def listing(self) -> Listing:
        files, left_out = self._files
        return Listing(sorted(files), left_out)

    def stamps(self) -> Iterator[str]:
        """Which files the frames of each clip are: with one more, others would be taken."""
        files, _ = self._files
        for name in sorted(files):
            yield hashlib.blake2b(os.fsencode("\0".join(files[name])), digest_size=16).hexdigest()

    def size(self, name: str) -> tuple[int, int]:
        return self.pictures.size(self._of(name)[0])

    def channels(self, name: str) -> int:
        return self.pictures.channels(self._of(name)[0])

    def read(self, name: str, preprocess: Preprocessing, notes: list[str] | None = None) -> np.ndarray:
        """One clip, (C, T, H, W)."""
        files = self._of(name)
        if files == [name]:
            with self.pictures.open(name) as file:
                return stacked(frames_of(file, preprocess, self.limits, self.frames, notes))
        found = []
        for place in evenly(len(files), self.frames):
            with reasons(f"{PurePosixPath(files[place]).name}: "):
                height, width = self.pictures.size(files[place])
                self.limits.check_pixels(width, height, self.frames)
                found.append(self.pictures.read(files[place], preprocess, notes))
        return stacked(found)

    def _of(self, name: str) -> list[str]:
        """The files of a clip."""
        files, _ = self._files
        if name not in files:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return files[name]

    @cached_property
    def _files(self) -> tuple[dict[str, list[str]], LeftOut]:
        """Clip to its files, in order; and what is no picture. A worker is sent it with the source."""
        listing = self.pictures.listing()
        files = {name: [name] for name in listing.names if self._is_clip(name)}
        folders: dict[str, list[str]] = {}
        for name in listing.names:
            if name not in files:
                folders.setdefault(str(PurePosixPath(name).parent), []).append(name)
        if both := files.keys() & folders.keys():
            raise InputError(f"{self.path} is refused: {min(both)!r} is a file in it, and a folder")
        for frames in folders.values():
            frames.sort(key=_by_number)
        return files | folders, listing.left_out

    def _is_clip(self, name: str) -> bool:
        ending = name.lower()
        if ending.endswith(".gif") or self.pictures.kind == "picture":
            return True
        if ending.endswith(EXTENSIONS) and not ending.endswith(_MAY_HAVE_SEVERAL):
            return False
        try:
            with self.pictures.open(name) as file:
                return has_frames(file, self.limits)
        except Exception:  # a damaged header: the clip that it is a frame of fails, with its reason
            return False


def _by_number(name: str) -> tuple[list[str | int], str]:
    """A key that sorts ``frame9`` before ``frame10``."""
    parts = re.split(r"([0-9]+)", name)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name
