"""``FILE.pt2``: models saved by ``torch.export.save`` with a dynamic batch."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import torch
from torch import nn

from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.errors import InputError, one_line


def exported_model(file: str) -> tuple[nn.Module, Preprocess]:
    """The module that ``file`` holds, for RGB images in [0, 1]; it is refused where it holds a pickle."""
    path = Path(file)
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    try:
        _refuse_code(path)
        return torch.export.load(path).module(), Preprocess()
    except InputError:
        raise
    except Exception as error:  # whatever a damaged archive makes the reader raise
        raise InputError(f"cannot read the exported model {path}: {one_line(error)}") from None


def _refuse_code(path: Path) -> None:
    """An exported archive may carry pickles, which the reader would run; only tensors are let through."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            file = name.rsplit("/", 1)[-1]
            if file.endswith("_config.json"):
                payload = json.loads(archive.read(name)).get("config", {})
                pickled = any(entry.get("use_pickle") for entry in payload.values())
            elif file.endswith(".pt"):
                try:
                    torch.load(io.BytesIO(archive.read(name)), weights_only=True)
                    pickled = False
                except Exception:  # weights_only refused it
                    pickled = True
            else:
                pickled = file.startswith(("custom_obj", "opaque_obj"))
            if pickled:
                raise InputError(f"model {str(path)!r} is refused: it holds a pickle ({name})")
