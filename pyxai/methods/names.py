"""Names of classes: those that a model carries, and classes that are asked for by them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pyxai.checks import expect, near
from pyxai.modules import need


def by_number(names: Sequence[str] | Mapping[int, str] | None) -> dict[int, str]:
    """Class to name, of names in order or by number."""
    listed = names is None or (isinstance(names, Sequence | Mapping) and not isinstance(names, str))
    expect(listed, "class_names", "be names in order or by number", type(names).__name__, TypeError)
    numbered = dict(names if isinstance(names, Mapping) else enumerate(names or ()))
    for number, name in numbered.items():
        fits = isinstance(number, int) and number >= 0 and isinstance(name, str)
        expect(fits, "class_names", "be text, by whole numbers from 0", f"{number!r}: {name!r}", TypeError)
    return numbered


def names_of(model: Any) -> dict[int, str]:
    """Class to name, of the names that ``model`` itself carries; none where it carries none.

    They are its attribute ``class_names``, in order or by number; a transformers model's ``config.id2label``,
    unless that counts only (``LABEL_0``); or what timm knows of the data set that its weights' tag names,
    where the model has as many classes as these.
    """
    if hasattr(model, "class_names"):
        try:
            return by_number(model.class_names)
        except TypeError:  # something else that is called so
            return {}
    labels = getattr(getattr(model, "config", None), "id2label", None)
    if isinstance(labels, Mapping):
        named = {int(number): str(name) for number, name in labels.items()}
        return {} if all(name == f"LABEL_{number}" for number, name in named.items()) else named
    config = getattr(model, "pretrained_cfg", None)
    return _timm_names(model, config) if isinstance(config, Mapping) else {}


def _timm_names(model: Any, config: Mapping[str, Any]) -> dict[int, str]:
    if getattr(model, "num_classes", None) != config.get("num_classes"):
        return {}
    described = config.get("label_descriptions") or {}
    if labels := config.get("label_names"):
        described = (
            described if isinstance(described, Mapping) else dict(zip(labels, described, strict=False))
        )
        return {number: str(described.get(label, label)) for number, label in enumerate(labels)}
    if not re.search(
        r"in\d+k", config.get("tag") or ""
    ):  # the number of classes alone does not tell ImageNet
        return {}
    subset = need("timm.data", "a timm model").infer_imagenet_subset(model)
    return {} if subset is None else _imagenet_names(subset)


@cache
def _imagenet_names(subset: str) -> dict[int, str]:
    info = need("timm.data", "a timm model").ImageNetInfo(subset)
    return {number: info.index_to_description(number) for number in range(info.num_classes())}


def classes_of(text: str, names: Mapping[int, str]) -> list[int]:
    """The classes that ``text`` is: a name, a number, or several of them between commas.

    A name is told by all of it, else by any of its synonyms, in whatever case: ``tabby`` is the class that is
    called ``tabby, tabby cat``.

    Raises:
        ValueError: there is no such class, or more than one of that name.
    """
    whole = _named(text, names)
    parts = [text] if whole is not None else text.split(",")
    return [_class(part.strip(), text, names) for part in parts]


def _class(part: str, text: str, names: Mapping[int, str]) -> int:
    found = _named(part, names)
    if found is None and re.fullmatch(r"-?\d+", part, re.ASCII):
        return int(part)
    wanted = "be 'top1', 'top2', … or numbers such as '0,20' where it is text"
    wanted += ", or names of classes" if names else ""
    known = [*names.values(), *(synonym for name in names.values() for synonym in name.split(", "))]
    got = f"{text!r}{near(part, known)}"
    expect(found is not None, "target", wanted, got)
    return found


def _named(text: str, names: Mapping[int, str]) -> int | None:
    """The class that is called ``text``; None where none is."""
    called = [number for number, name in names.items() if name == text]
    if not called:
        word = text.strip().casefold()
        called = [number for number, name in names.items() if word in _synonyms(name)]
    wanted = f"name one class, not {', '.join(map(str, called))}: give its number"
    expect(len(called) <= 1, "target", wanted, repr(text))
    return called[0] if called else None


def _synonyms(name: str) -> list[str]:
    return [part.strip() for part in [name.casefold(), *name.casefold().split(",")]]
