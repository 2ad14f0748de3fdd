"""Files of weights: loaded as tensors, never as code, and hashed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import nn

from pyxai.engine.errors import InputError, one_line, refusals
from pyxai.modules import need

PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")


def is_weights_file(text: str) -> bool:
    """Whether ``text`` names a file rather than an entry of a package's table of weights."""
    return Path(text).suffix.lower() in (".safetensors", ".npz", *PICKLES)


def load_weights(model: nn.Module, path: Path) -> None:
    """Load a file of tensors into ``model``, every name of it and no other."""
    if not path.is_file():
        raise InputError(f"no such weights file: {path}")
    try:
        if path.suffix == ".safetensors":
            state = _safetensors(path)
        elif path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                state = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(state.get("state_dict", state))
    except InputError:
        raise
    except Exception as error:  # refused pickle, wrong names, wrong shapes, damaged file
        raise InputError(f"cannot load the weights {path} (tensors only): {one_line(error)}") from None


def _safetensors(path: Path) -> dict[str, torch.Tensor]:
    with refusals():
        return need("safetensors.torch", f"the file {path}").load_file(path)


def weights_hash(model: nn.Module) -> str:
    """BLAKE2b of every parameter and persistent buffer: name, dtype, shape and bytes, sorted by name."""
    digest = hashlib.blake2b(digest_size=16)
    for name, value in sorted(model.state_dict().items()):
        if isinstance(value, torch.Tensor):
            value = value.detach().cpu().contiguous()
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            digest.update(value.flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
