"""A model specification becomes a model, its preprocessing, and a hash of its weights.

============================  ===============================================================================
``timm:NAME``                 ``timm.create_model``, pretrained, with timm's preprocessing
``torchvision:NAME``          ``torchvision.models``, ``?weights=DEFAULT`` or another entry of its table
``hf:NAME``                   an image classifier of ``transformers``, from the hub or a local folder
``package.module:callable``   called without arguments; returns a model or (model, preprocess)
``path/file.py:callable``     likewise
``dxai:RUN``                  the classifier that ``pyxai dxai train`` trained in the folder RUN
``FILE.pt2``                  saved by ``torch.export.save`` with a dynamic batch
============================  ===============================================================================

``?weights=FILE`` loads tensors into any of them but the last: ``.safetensors``, ``.npz``, or what
``torch.load(weights_only=True)`` takes. ``?weights=none`` leaves timm's and torchvision's random (seeded).
A pickled model is refused: unpickling runs whatever code is inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from torch import nn

from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.errors import InputError, one_line
from pyxai.engine.models.dxai import decomposed_model
from pyxai.engine.models.exported import exported_model
from pyxai.engine.models.hubs import timm_model, torchvision_model, transformers_model
from pyxai.engine.models.weights import PICKLES, is_weights_file, load_weights
from pyxai.modules import import_named


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to be explained.

    Attributes:
        model: the module, on the CPU; None for methods that need none.
        preprocess: what its publisher says its input is; plain RGB in [0, 1] where nobody says.
        spec: the text it came from.
    """

    model: nn.Module | None
    preprocess: Preprocess
    spec: str


def load_model(spec: str) -> LoadedModel:
    """The model named by ``spec``; an :class:`InputError` of one sentence where there is none."""
    body, _, query = spec.partition("?")
    key, _, weights = query.partition("=")
    if query and (key != "weights" or not weights):
        raise InputError(f"model {spec!r}: after `?` only weights=… is understood, got {query!r}")
    scheme, _, name = body.partition(":")
    if scheme == "timm":
        model, preprocess = timm_model(name, weights)
    elif scheme == "torchvision":
        model, preprocess = torchvision_model(name, weights)
    elif scheme == "hf":
        model, preprocess = transformers_model(name)
    elif scheme == "dxai":
        model, preprocess = decomposed_model(Path(name))
    elif body.endswith(".pt2"):
        if weights:
            raise InputError(f"model {spec!r}: an exported model brings its own weights")
        model, preprocess = exported_model(Path(body)), Preprocess()
    elif body.lower().endswith(PICKLES):
        raise InputError(
            f"model {body!r} is refused: a pickled model runs code when it is loaded; give "
            f"path/file.py:callable?weights={body} if it holds a state_dict, or export the model to .pt2"
        )
    elif name:
        model, preprocess = _call(scheme, name)
    else:
        raise InputError(
            f"model {spec!r} is none of timm:NAME, torchvision:NAME, hf:NAME, dxai:RUN, "
            "package.module:callable, path/file.py:callable, FILE.pt2"
        )
    if weights and is_weights_file(weights):
        load_weights(model, Path(weights))
    elif weights and scheme not in ("timm", "torchvision"):
        raise InputError(f"model {spec!r}: no such weights file: {weights}")
    return LoadedModel(model, preprocess, spec)


def _call(place: str, name: str) -> tuple[nn.Module, Preprocess]:
    module = _module(place)
    try:
        made = getattr(module, name)
    except AttributeError:
        raise InputError(f"{place} has no {name!r}") from None
    if not isinstance(made, nn.Module):
        if not callable(made):
            raise InputError(f"{place}:{name} must be a callable or a module, got {type(made).__name__}")
        try:
            made = made()
        except Exception as error:  # the user's own code may raise anything
            raise InputError(f"{place}:{name} raised {type(error).__name__}: {one_line(error)}") from None
    model, preprocess = made if isinstance(made, tuple) and len(made) == 2 else (made, Preprocess())
    if not isinstance(model, nn.Module):
        raise InputError(f"{place}:{name} must return a torch.nn.Module, got {type(model).__name__}")
    return model, preprocess if isinstance(preprocess, Preprocess) else Preprocess.of(preprocess)


def _module(place: str) -> ModuleType:
    try:
        return import_named(place)
    except FileNotFoundError as error:
        raise InputError(str(error)) from None
    except (ImportError, SyntaxError) as error:
        raise InputError(f"cannot import {place}: {one_line(error)}") from None
