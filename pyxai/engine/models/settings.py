"""What a user's model file returns beside the model becomes preprocessing, or is refused: never ignored."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from pyxai.checks import near
from pyxai.engine.data.called import Called, Preprocessing
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.errors import InputError, one_line
from pyxai.engine.models.timm import KEYS as TIMM
from pyxai.engine.models.timm import of_timm
from pyxai.engine.models.transformers import KEYS as TRANSFORMERS
from pyxai.engine.models.transformers import preprocess_of

FIELDS = tuple(field.name for field in dataclasses.fields(Preprocess))


def preprocessing(given: Any, spec: str) -> Preprocessing:
    """How pictures become the input of the model ``spec``, from what stood beside it.

    Args:
        given: a :class:`Preprocess`; a callable of a PIL picture, which is called; a mapping of settings, by
            the names of the fields of ``Preprocess``, of timm's ``data_config`` or of a
            ``preprocessor_config.json``; or an object or class with attributes of the names of these fields.

    Raises:
        InputError: it is none of these, or has a setting that is not known.
    """
    if isinstance(given, Preprocess):
        return given
    named = [name for name in FIELDS if hasattr(given, name)]
    try:
        if isinstance(given, Mapping):
            return _of_mapping(dict(given))
        if callable(given) and not isinstance(given, type):
            return Called(given, spec)
        if named:
            return Preprocess(**{name: getattr(given, name) for name in named})
    except InputError as error:
        raise InputError(f"{spec}: {error}") from None
    except Exception as error:  # values of any kind
        raise InputError(f"{spec}: preprocessing cannot be read: {one_line(error)}") from None
    raise InputError(
        f"{spec} must return a function of a picture, a dictionary of settings or a pyxai.engine.Preprocess "
        f"beside the model, got {type(given).__name__}"
    )


def _of_mapping(given: dict[str, Any]) -> Preprocess:
    for known, read in (
        (set(FIELDS), lambda settings: Preprocess(**settings)),
        (TIMM, of_timm),
        (TRANSFORMERS, preprocess_of),
    ):
        if given.keys() <= known:
            return read(given)
    unknown = min(given.keys() - {*FIELDS, *TIMM, *TRANSFORMERS}, key=str, default=None)
    if unknown is None:
        mixed = ", ".join(map(str, given))
        raise InputError(
            f"settings of several conventions in one dictionary ({mixed}): use {', '.join(FIELDS)}"
        )
    raise InputError(
        f"no preprocessing setting {unknown!r}{near(str(unknown), FIELDS)}; known are {', '.join(FIELDS)}"
    )
