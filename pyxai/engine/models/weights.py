"""Files of weights: loaded as tensors, never as code, and hashed.

A training script saves more than weights, and names them as its wrappers do. So the weights may lie under
``state_dict``, ``model_state_dict`` or ``model``, and their names may all begin with ``module.``
(DataParallel), ``_orig_mod.`` (``torch.compile``) or ``model.`` (Lightning), which is left out where then
every name is one of the model's.
"""

from __future__ import annotations

import argparse
import hashlib
import pickle
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pyxai.engine.data.files import what_is
from pyxai.engine.errors import InputError, one_line, refusals
from pyxai.modules import need

PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".tar", ".pkl", ".pickle")

_PLACES = ("state_dict", "model_state_dict", "model")
_PREFIXES = ("module.", "_orig_mod.", "model.")
_SCALAR = np.float64(0).__reduce__()[0]  # makes a number of numpy
_BESIDE = [
    *(argparse.Namespace, type(Path()), np.dtype, *{type(np.dtype(kind)) for kind in "?bhilqBHILQefd"}),
    *((_SCALAR, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
]
"""Options and numbers of a training, as they lie beside its weights; reading them runs no code."""
_SPARE = 2**20  # bytes of an .npz beside its values: headers


def is_weights_file(text: str) -> bool:
    """Whether ``text`` names a file rather than an entry of a package's table of weights."""
    return Path(text).suffix.lower() in (".safetensors", ".npz", *PICKLES)


def load_weights(model: nn.Module, path: Path) -> None:
    """Load a file of tensors into ``model``, every name of it and no other."""
    if not path.is_file():
        kind = what_is(path.stat().st_mode) if path.exists() else ""
        raise InputError(f"the weights {path} are {kind}" if kind else f"no such weights file: {path}")
    try:
        if path.suffix == ".safetensors":
            stored = _safetensors(path)
        elif path.suffix == ".npz":
            stored = _arrays(path, model)
        else:
            stored = _checkpoint(path)
        model.load_state_dict(_fitting(stored, model.state_dict()))
    except InputError:
        raise
    except Exception as error:  # refused pickle, wrong names, wrong shapes, damaged file
        raise InputError(f"cannot load the weights {path} (tensors only): {one_line(error)}") from None


def _safetensors(path: Path) -> dict[str, torch.Tensor]:
    with refusals():
        return need("safetensors.torch", f"the file {path}").load_file(path)


def _arrays(path: Path, model: nn.Module) -> dict[str, torch.Tensor]:
    """Of an .npz; not unpacked where it holds more than the model could."""
    most = _SPARE + 8 * sum(value.numel() for value in model.state_dict().values())
    with zipfile.ZipFile(path) as archive:
        if (size := sum(member.file_size for member in archive.infolist())) > most:
            raise ValueError(f"{size} bytes are more than the model's weights")
    with np.load(path, allow_pickle=False) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def _checkpoint(path: Path) -> Any:
    """What ``torch.save`` wrote. No code of it is run, and nothing is unpacked: torch packs nothing."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
                raise ValueError("compressed, which torch.save writes none")
    try:
        with torch.serialization.safe_globals(_BESIDE):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # a page of advice
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        raise ValueError(f"it holds {named[1]}, which could run code" if named else one_line(error)) from None


def _fitting(stored: Any, wanted: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Those of the ``stored`` tensors that have exactly the model's names, with or without a prefix.

    Raises:
        ValueError: none have, or several.
    """
    candidates = [named for place in _places(stored) for named in _named(place)]
    if not candidates:
        raise ValueError(f"no tensors by name, but {type(stored).__name__}")
    found = [named for named in candidates if _fits(named, wanted)]
    if not found:
        nearest = max(candidates, key=lambda named: len(named.keys() & wanted.keys()))
        raise ValueError(_misfit(nearest, wanted))
    first, *others = found
    if any(not _same(first, other) for other in others):
        raise ValueError(f"several sets of weights fit, of {', '.join(_PLACES)}: leave one")
    return first


def _places(stored: Any) -> Iterator[dict[str, torch.Tensor]]:
    """Everything in a file that is a mapping of names to tensors."""
    if not isinstance(stored, Mapping):
        return
    for place in (stored, *(stored.get(name) for name in _PLACES)):
        if isinstance(place, Mapping) and place and all(isinstance(name, str) for name in place):
            tensors = {name: value for name, value in place.items() if isinstance(value, torch.Tensor)}
            # beside the weights themselves may stand other things, among them none
            if tensors and (place is not stored or len(tensors) == len(place)):
                yield tensors


def _named(tensors: dict[str, torch.Tensor]) -> Iterator[dict[str, torch.Tensor]]:
    """With their names as they are, and without the prefixes that all of them have."""
    yield tensors
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            yield from _named({name.removeprefix(prefix): value for name, value in tensors.items()})


def _fits(named: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether the names are the model's; counters of BatchNorm may be missing, as in files of torch 0.4."""
    missing = wanted.keys() - named.keys()
    return named.keys() <= wanted.keys() and all(name.endswith("num_batches_tracked") for name in missing)


def _same(first: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return first.keys() == other.keys() and all(
        torch.equal(value, other[name]) for name, value in first.items()
    )


def _misfit(named: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    missing, unexpected = sorted(wanted.keys() - named.keys()), sorted(named.keys() - wanted.keys())
    parts = [
        f"{len(names)} {what} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
        for names, what in ((missing, "missing"), (unexpected, "unexpected"))
        if names
    ]
    return f"the names do not fit the model: {' and '.join(parts)}"


def weights_hash(model: nn.Module) -> str:
    """BLAKE2b of every parameter and persistent buffer: name, dtype, shape and bytes, sorted by name."""
    digest = hashlib.blake2b(digest_size=16)
    for name, value in sorted(model.state_dict().items()):
        if isinstance(value, torch.Tensor):
            value = value.detach().cpu().contiguous()
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            digest.update(value.flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
