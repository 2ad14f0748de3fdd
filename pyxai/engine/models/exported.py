"""``FILE.pt2``: models saved by ``torch.export.save`` with a dynamic batch.

Reading such a file runs code that it holds, as a pickle or as text, so torch is given a copy that has only
what was looked at: members that such files have, tensors that are bytes, and a program that
:mod:`pyxai.engine.models.program` lets through.
"""

from __future__ import annotations

import io
import json
import logging
import math
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.errors import InputError, one_line
from pyxai.engine.models.program import Refused, checked_program

_CONFIG = re.compile(r"data/(weights/model_weights|constants/model_constants)_config\.json")
_TENSOR = re.compile(r"data/(weights/weight|constants/tensor)_\d+")
_INPUTS = "data/sample_inputs/model.pt"
_PROGRAM = "models/model.json"
_WORDS = {
    "archive_format",
    "archive_version",
    "byteorder",
    "version",
    ".data/version",
    ".data/serialization_id",
}
_OLD = "serialized_exported_program.json"


def exported_model(file: str) -> tuple[nn.Module, Preprocess]:
    """The module that ``file`` holds, for RGB images in [0, 1]; refused where it holds more than tensors and
    a graph.
    """
    path = Path(file)
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    with _logged() as errors:
        try:
            archive = _checked(path)
            return torch.export.load(archive).module(), Preprocess()
        except Refused as refusal:
            raise InputError(f"model {str(path)!r} is refused: it holds {refusal}") from None
        except Exception as error:  # whatever a damaged archive makes the reader raise
            reason = one_line([error, *errors][-1])
            raise InputError(f"cannot read the exported model {path}: {reason}") from None


@contextmanager
def _logged() -> Iterator[list[Exception]]:
    """The errors that torch, while it reads an archive, prints with their traceback, unprinted."""
    errors: list[Exception] = []

    def keep(record: logging.LogRecord) -> bool:
        if record.exc_info:
            errors.append(record.exc_info[1])
        return False

    logger = logging.getLogger("torch.export")
    logger.addFilter(keep)
    try:
        yield errors
    finally:
        logger.removeFilter(keep)


def _checked(path: Path) -> io.BytesIO:
    """An archive of those members of ``path`` that are what they should be."""
    copy = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(copy, "w") as target:
        members = {member.filename: member for member in archive.infolist()}
        if len(members) != len(archive.infolist()):
            raise Refused("two members of one name")
        if _OLD in members:
            raise Refused("a program of torch before 2.8: save it again with a newer one")
        for name, member in members.items():
            inner = name.partition("/")[2]  # all are in a folder called as the file was
            if inner.startswith("extra/"):  # the user's notes, which nothing here reads
                continue
            if member.compress_type != zipfile.ZIP_STORED:
                raise Refused(f"a compressed member ({name}), which torch does not write")
            target.writestr(f"model/{inner}", _content(inner, archive.read(member), members, name))
    copy.seek(0)
    return copy


def _content(inner: str, stored: bytes, members: dict[str, zipfile.ZipInfo], name: str) -> bytes:
    """What a member may hold, or :class:`Refused`."""
    if inner == _PROGRAM:
        return checked_program(stored)
    if _CONFIG.fullmatch(inner):
        folder = name.rpartition("/")[0]
        config = json.loads(stored)
        for entry in config["config"].values():
            _check_tensor(entry, folder, members)
        return json.dumps(config).encode()
    if inner == _INPUTS:
        try:
            torch.load(io.BytesIO(stored), weights_only=True)
        except Exception:  # weights_only refused it
            raise Refused(f"a pickle ({name})") from None
    elif not (_TENSOR.fullmatch(inner) or (inner in _WORDS and len(stored) < 100)):
        kind = (
            "a pickle"
            if inner.endswith(".pt") or "obj_" in inner
            else "a member that is no part of a program"
        )
        raise Refused(f"{kind} ({name})")
    return stored


def _check_tensor(entry: dict, folder: str, members: dict[str, zipfile.ZipInfo]) -> None:
    file = entry["path_name"]
    if entry["use_pickle"] is not False:
        raise Refused(f"a pickle ({file})")
    member = members.get(f"{folder}/{file}")
    if member is None or not re.fullmatch(r"(weight|tensor)_\d+", file):
        raise Refused(f"a tensor in no file of its own ({file})")
    sizes = [size["as_int"] for size in entry["tensor_meta"]["sizes"]]
    if member.file_size == 0 and math.prod(sizes):
        raise Refused(f"a tensor without values ({file})")
