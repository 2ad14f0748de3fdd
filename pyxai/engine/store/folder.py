"""The files of a store, as Zarr reads them and as they are written: no link is followed, and only whole
chunks come in.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from zarr.core.buffer import default_buffer_prototype
from zarr.storage import LocalStore, StorePath

from pyxai.engine.errors import InputError
from pyxai.engine.status import MEANING
from pyxai.engine.store import ending  # noqa: F401  registers what is done when the process ends
from pyxai.engine.store.chunk_file import decoded, encoded, file_fault, read_chunk
from pyxai.engine.store.durable import PARTIAL, write
from pyxai.engine.store.files import MOST_JSON, open_regular, read_json, why
from pyxai.engine.store.layout import STATUS, Layout, fill_value, is_checked

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype


class Folder(LocalStore):
    """The files of one store. Reading a chunk that is not whole is an :class:`InputError` with its rows.

    ``status`` is written last, so where a chunk of it is there those of all arrays are; one that is not was
    lost. Before, a chunk that is not there holds fill values, as Zarr has it.

    Args:
        root: the store.
        layouts: its arrays.
    """

    def __init__(self, root: Path, layouts: Iterable[Layout]):
        super().__init__(Path(os.path.realpath(root)), read_only=True)
        self._shown = root
        self._layouts = {layout.name: layout for layout in layouts}
        self._metadata = {name: self._described(layout) for name, layout in self._layouts.items()}

    def with_read_only(self, read_only: bool = True) -> Folder:
        if not read_only:
            raise ValueError(f"{self._shown} is written by runs alone: its arrays can be read, not changed")
        return self

    def _described(self, layout: Layout) -> dict[str, Any]:
        try:
            return layout.metadata(read_json(self.file(f"{layout.name}/zarr.json")))
        except (OSError, ValueError) as error:
            raise InputError(f"{self._shown} is damaged: `{layout.name}`: {why(error)}") from None

    def array(self, name: str) -> zarr.Array:
        """The array ``name``, by metadata that were checked."""
        return zarr.Array.from_dict(StorePath(self, name), self._metadata[name])

    def file(self, key: str) -> Path:
        """The path of a file of the store; a :class:`ValueError` where a link lies on the way."""
        path = str(self.root)  # which no link leads to, as it was resolved
        for part in key.split("/"):
            path = f"{path}/{part}"
            if os.path.islink(path):
                raise ValueError("is a link, or lies behind one")
        return Path(path)

    def fault(self, name: str, chunk: int, contents: bool) -> str | None:
        """What is wrong with a chunk of an array, as the rest of a sentence; None where nothing is.

        Args:
            contents: whether to compare its checksum, beyond its headers.
        """
        layout = self._layouts[name]
        try:
            path = self.file(layout.key(chunk))
        except ValueError as error:
            return str(error)
        fault = file_fault(path, layout.chunk_bytes, is_checked(self._metadata[name]), contents)
        if fault is None and contents and name == STATUS:
            return _unknown(self._decoded(name, chunk))
        return fault

    def has_status(self, chunk: int) -> bool:
        """Whether ``chunk`` was committed, whole or not."""
        return os.path.lexists(self.root / STATUS / "c" / str(chunk))

    def values(self, name: str, chunk: int) -> np.ndarray:
        """A chunk of an array, filled up; fill values where there is none, an :class:`InputError` where it is
        damaged.
        """
        found = self._decoded(name, chunk)
        if name == STATUS and (fault := _unknown(found)):
            raise InputError(self.sentence(name, chunk, fault))
        return found

    def _decoded(self, name: str, chunk: int) -> np.ndarray:
        layout = self._layouts[name]
        shape = (layout.chunk, *layout.shape)
        data = self._chunk(name, chunk)
        if data is None:
            return np.full(shape, fill_value(name, layout.dtype), layout.dtype)
        try:
            found = decoded(data, is_checked(self._metadata[name]))
        except ValueError as error:
            raise InputError(self.sentence(name, chunk, str(error))) from None
        little = np.frombuffer(found, np.dtype(layout.dtype).newbyteorder("<"))
        return little.reshape(shape).astype(layout.dtype)

    def _chunk(self, name: str, chunk: int) -> bytes | None:
        layout = self._layouts[name]
        checked = is_checked(self._metadata[name])
        for there in (self.has_status(chunk), True):
            try:
                return read_chunk(self.file(layout.key(chunk)), layout.chunk_bytes, checked)
            except FileNotFoundError:
                if not self.has_status(chunk):
                    return None
                if there:  # it was committed before, so this was no chunk that is being written
                    raise InputError(self.sentence(name, chunk, "is missing")) from None
            except ValueError as error:
                raise InputError(self.sentence(name, chunk, str(error))) from None
        return None

    def put(self, name: str, chunk: int, values: np.ndarray) -> None:
        """Write a chunk of an array; an :class:`OSError` where that cannot be."""
        layout = self._layouts[name]
        checked = is_checked(self._metadata[name])
        fill = fill_value(name, layout.dtype)
        values = values.astype(layout.dtype, copy=False)
        write(self.root, layout.key(chunk), encoded(values, layout.chunk, fill, checked))

    def remove(self, chunk: int) -> None:
        """Remove the files of a chunk, the one that says it is done first."""
        for name in (STATUS, *self._layouts):
            place = self._chunks(name) / str(chunk)
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)

    def remove_partial(self, chunks: Iterable[int]) -> None:
        """Remove the temporary files that killed processes left in ``chunks``."""
        stems = {str(chunk) for chunk in chunks}
        for name in self._layouts:
            root = self._chunks(name)
            for entry in os.scandir(root) if root.is_dir() else ():
                if entry.name.partition(".")[0] not in stems:
                    continue
                if entry.name.endswith(PARTIAL):
                    os.unlink(entry.path)
                elif entry.is_dir(follow_symlinks=False):
                    for folder, _, files in os.walk(entry.path):
                        for file in files:
                            if file.endswith(PARTIAL):
                                os.unlink(os.path.join(folder, file))

    def _chunks(self, name: str) -> Path:
        """The folder of an array's chunks, in which files may be removed."""
        try:
            path = self.file(f"{name}/c")
            if path.exists() and not path.is_dir():
                raise ValueError("is no folder")
        except ValueError as error:
            raise InputError(f"{self._shown} is damaged: {name}/c {error}") from None
        return path

    def sentence(self, name: str, chunk: int, fault: str) -> str:
        layout = self._layouts[name]
        last = min(layout.rows, (chunk + 1) * layout.chunk) - 1
        return f"{self._shown}: rows {chunk * layout.chunk} to {last}: `{name}` {fault}"

    async def get(
        self, key: str, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        return await asyncio.to_thread(self.get_sync, key, prototype=prototype)

    def get_sync(
        self, key: str, *, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """The bytes of a file: all of them, for with the codecs of a run Zarr never asks for a part."""
        name, _, place = key.partition("/c/")
        data = self._chunk(name, int(place.partition("/")[0])) if place else self._text(key)
        return None if data is None else (prototype or default_buffer_prototype()).buffer.from_bytes(data)

    def _text(self, key: str) -> bytes | None:
        try:
            with open_regular(self.file(key)) as file:
                return file.read(MOST_JSON)
        except FileNotFoundError:
            return None


def _unknown(status: np.ndarray) -> str | None:
    """What is wrong with codes of ``status``, as the rest of a sentence: stores of older versions have no
    checksum that would tell.
    """
    unknown = set(status.tolist()) - set(MEANING)
    return f"has the unknown codes {sorted(unknown)}" if unknown else None
