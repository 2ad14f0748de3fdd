"""A model specification becomes a model, its preprocessing, and a hash of its weights.

=============================  ==============================================================================
``timm:NAME``                  ``timm.create_model``, pretrained, with timm's preprocessing
``torchvision:NAME``           ``torchvision.models``, ``?weights=DEFAULT`` or another entry of its table
``hf:NAME``                    an image classifier of ``transformers``, from the hub or a local folder
``dxai:RUN``                   the classifier that ``pyxai dxai train`` trained in the folder RUN
``FILE.pt2``                   saved by ``torch.export.save`` with a dynamic batch
``path/file.py:callable``      called without arguments; returns a model or (model, preprocess)
``package.module:callable``    likewise
=============================  ==============================================================================

``?weights=FILE`` loads tensors into any of them but ``FILE.pt2``: ``.safetensors``, ``.npz``, or what
``torch.load(weights_only=True)`` takes; see :mod:`pyxai.engine.models.weights`. ``?weights=none`` leaves
timm's and torchvision's random (seeded). A pickled model is refused: unpickling runs whatever code is inside.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import nn

from pyxai.engine.data.called import Preprocessing
from pyxai.engine.errors import InputError
from pyxai.engine.models.dxai import decomposed_model
from pyxai.engine.models.exported import exported_model
from pyxai.engine.models.python import called_model
from pyxai.engine.models.timm import timm_model
from pyxai.engine.models.torchvision import torchvision_model
from pyxai.engine.models.transformers import transformers_model
from pyxai.engine.models.weights import PICKLES, is_weights_file, load_weights


@dataclass(frozen=True)
class Scheme:
    """One kind of specification.

    Attributes:
        form: how it is written, for messages.
        pattern: regular expression of the whole text before ``?``; its group is what ``load`` is given.
        load: from that to a model and its preprocessing. Where ``weights`` are ``words``, it is given the
            word too: "" for the publisher's weights, ``none`` for random ones.
        weights: what ``?weights=…`` may be: ``files``, ``words`` or files, or ``none`` of the two, because
            the model brings its own.
    """

    form: str
    pattern: str
    load: Callable[..., tuple[nn.Module, Preprocessing]]
    weights: Literal["none", "files", "words"] = "files"


SCHEMES = (
    Scheme("timm:NAME", "timm:(.+)", timm_model, "words"),
    Scheme("torchvision:NAME", "torchvision:(.+)", torchvision_model, "words"),
    Scheme("hf:NAME", "hf:(.+)", transformers_model),
    Scheme("dxai:RUN", "dxai:(.+)", decomposed_model),
    Scheme("FILE.pt2", r"(.+\.pt2)", exported_model, "none"),
    Scheme("path/file.py:callable", r"(.+\.py:.+)", called_model),
    Scheme("package.module:callable", r"([^/]+:.+)", called_model),
)


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to be explained.

    Attributes:
        model: the module, on the CPU; None for methods that need none.
        preprocess: what its publisher says its input is; plain RGB in [0, 1] where nobody says.
        spec: the text it came from.
    """

    model: nn.Module | None
    preprocess: Preprocessing
    spec: str


def load_model(spec: str) -> LoadedModel:
    """The model named by ``spec``; an :class:`InputError` of one sentence where there is none."""
    body, _, query = spec.partition("?")
    key, _, weights = query.partition("=")
    if query and (key != "weights" or not weights):
        raise InputError(f"model {spec!r}: after `?` only weights=… is understood, got {query!r}")
    scheme, name = _scheme(body)
    file = is_weights_file(weights) or (scheme.weights == "files" and os.path.lexists(weights))
    if weights and scheme.weights == "none":
        raise InputError(f"model {spec!r}: an exported model brings its own weights")
    if weights and not file and scheme.weights == "files":
        raise InputError(f"model {spec!r}: no such weights file: {weights}")
    words = ["none" if file else weights] if scheme.weights == "words" else []
    model, preprocess = scheme.load(name, *words)
    if file:
        load_weights(model, Path(weights))
    return LoadedModel(model, preprocess, spec)


def _scheme(body: str) -> tuple[Scheme, str]:
    """The scheme of a specification without its weights, and what its function is given."""
    for scheme in SCHEMES:
        if found := re.fullmatch(scheme.pattern, body):
            return scheme, found[1]
    if body.lower().endswith(PICKLES):
        raise InputError(
            f"model {body!r} is refused: a pickled model runs code when it is loaded; give "
            f"path/file.py:callable?weights={body} if it holds a state_dict, or export the model to .pt2"
        )
    raise InputError(f"model {body!r} is none of {', '.join(scheme.form for scheme in SCHEMES)}")
