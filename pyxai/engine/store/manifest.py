"""What a store says about itself, and whether a run may continue it."""

from __future__ import annotations

import dataclasses
import datetime
import os
import platform
from importlib.metadata import version
from typing import Any

import torch

import pyxai
from pyxai.engine.data.images import Images
from pyxai.engine.job import Job
from pyxai.engine.store.declared import FORMAT, FORMAT_VERSION
from pyxai.engine.store.layout import chunk_rows
from pyxai.engine.store.plain import code_identity, plain, preprocess_identity
from pyxai.explainer import Explainer

# What decides the bits of a result. `rows` and `threads` do so too, but a run that continues takes them over.
_DECISIVE = (
    "model", "method", "options", "target", "output", "precision", "device", "preprocess", "images", "keep",
    "store_dtype", "versions",
)  # fmt: skip

# What stands for an entry that older stores lack.
_BEFORE = {"output": {"kind": "auto", "pick": None}}


def identity(job: Job, explainer: Explainer, images: Images, **rest: Any) -> dict[str, Any]:
    """The part of a manifest by which a run recognises its store."""
    return {
        "method": explainer.method.name,
        "options": plain(dataclasses.asdict(explainer.method)),
        "output": {
            "kind": job.output_kind,
            "pick": code_identity(job.output, job.output) if callable(job.output) else job.output,
        },
        "precision": job.precision,
        "preprocess": preprocess_identity(images.preprocess),
        "images": {"count": len(images.names), "shape": list(images.shape), "names": images.listing},
        "keep": job.keep,
        "store_dtype": job.store_dtype,
        "versions": {
            "pyxai": pyxai.__version__,
            **{name: version(name) for name in ("torch", "numpy", "pillow")},
        },
        **rest,
    }


def manifest(identified: dict[str, Any], arrays: dict[str, dict[str, Any]], **rest: Any) -> dict[str, Any]:
    """A whole manifest: the :func:`identity`, the arrays, how they are computed, and where and when."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        **identified,
        **plain(rest),
        "arrays": arrays,
        "chunk": chunk_rows(arrays, identified["images"]["count"]),
        "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": machine(),
    }


def machine() -> dict[str, Any]:
    """The machine a run was made on: bits are promised on one machine, not across kinds of processor."""
    return {
        "platform": platform.platform(),
        "python": platform.python_version(),
        "processor": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def differences(stored: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """One line for each entry in which a store is not what this run would write."""
    lines: list[str] = []
    for key in _DECISIVE:
        _compare(key, *(found.get(key, _BEFORE.get(key)) for found in (stored, wanted)), lines)
    return lines


def _compare(key: str, stored: Any, wanted: Any, lines: list[str]) -> None:
    if isinstance(stored, dict) and isinstance(wanted, dict):
        for name in sorted({*stored, *wanted}):
            _compare(f"{key}.{name}", stored.get(name), wanted.get(name), lines)
    elif stored != wanted:
        lines.append(f"{key} is {stored!r} in the store, {wanted!r} now")
