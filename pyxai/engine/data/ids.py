"""Sample ids: what the noise of an image is keyed by, wherever its row ends up."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

import numpy as np

from pyxai.engine.errors import InputError


def sample_ids(names: list[str]) -> np.ndarray:
    """(N,) int64: the first 8 bytes of the BLAKE2b of each relative path, little-endian, signed."""
    digests = b"".join(hashlib.blake2b(os.fsencode(name), digest_size=8).digest() for name in names)
    ids = np.frombuffer(digests, dtype="<i8").astype(np.int64)
    order = np.argsort(ids, kind="stable")
    for place in np.flatnonzero(np.diff(ids[order]) == 0):
        first, second = names[order[place]], names[order[place + 1]]
        raise InputError(f"{first!r} and {second!r} have the same sample id; rename one of them")
    return ids


def listing_hash(names: list[str], stamps: Iterable[str]) -> str:
    """One hash of all names and stamps in order, by which a store knows its images again."""
    digest = hashlib.blake2b(digest_size=16)
    for text in (*map(os.fsencode, names), *map(str.encode, stamps)):
        digest.update(text + b"\0")
    return digest.hexdigest()
