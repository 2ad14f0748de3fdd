"""Pictures of several sizes, for methods without a model: one run for each size."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from pyxai.capture.needs import Needs
from pyxai.engine.data.array import Array
from pyxai.engine.data.images import is_readable, names_by_size
from pyxai.engine.data.limits import Limits
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.data.source import Listing, Source
from pyxai.engine.data.sources import open_source
from pyxai.engine.errors import InputError
from pyxai.engine.job import Job
from pyxai.engine.runner.check import refuse_existing
from pyxai.engine.runner.distributed import World
from pyxai.engine.runner.inputs import preprocess_of
from pyxai.engine.store.building import remove_leftovers
from pyxai.engine.store.sizes import create, describe, folder, is_by_size, stored_sizes
from pyxai.engine.store.store import Store
from pyxai.methods import get_method

_LARGE = 2**22
"""Pixels of a size that is not taken from headers alone: where no picture of it can be read, a black one
would stand for them all, and explaining that may take gigabytes.
"""


def split(job: Job, here: World) -> list[Job]:
    """One job for each size of the pictures, or ``job`` itself where there is one size or a model decides."""
    if get_method(job.method).needs is not Needs.NOTHING:
        return [job]
    limits = Limits(job.max_pixels, job.max_unpacked)
    source, preprocess = open_source(job.data, limits), preprocess_of(job, Preprocess())
    if isinstance(source, Array) or preprocess.crop is not None:
        return [job]
    listing, out = source.listing(), Path(job.out)
    listing = dataclasses.replace(listing, names=listing.names[: job.limit])
    here.leader(lambda: _begin(job, listing, source, preprocess))
    if not is_by_size(out):
        return [job]
    groups: dict[tuple[int, int], list[str]] = {}
    for name, size in stored_sizes(out):
        groups.setdefault(size, []).append(name)
    return [
        dataclasses.replace(job, out=out / folder(size), names=tuple(groups[size])) for size in sorted(groups)
    ]


def _begin(job: Job, listing: Listing, source: Source, preprocess: Preprocess) -> None:
    """Create the store that the runs go to, if there are several; one that is there must be of the pictures.

    Their sizes are those of the time when it was created: a picture that was broken may be repaired by now.
    """
    out = Path(job.out)
    remove_leftovers(out)
    if is_by_size(out):
        refuse_existing(job, out)
        if [name for name, _ in stored_sizes(out)] != listing.names:
            raise InputError(f"{out} was made differently: of other pictures")
        return
    sizes = _sizes(source, listing.names, preprocess)
    if len(set(sizes)) > 1:
        if Store.exists(out):
            refuse_existing(job, out)
            raise InputError(f"{out} was made differently: of pictures of one size")
        create(out, describe(job, listing, sizes, source), listing.names, sizes)


def _sizes(source: Source, names: list[str], preprocess: Preprocess) -> list[tuple[int, int]]:
    """The size of every picture, by its header; of those that have none to be read, that of most."""
    groups = names_by_size(source, names, preprocess)
    unreadable = groups.pop(None, [])
    for size in [size for size in groups if size[0] * size[1] > _LARGE]:
        if not any(is_readable(source, name, preprocess) for name in groups[size]):
            unreadable += groups.pop(size)
    if not groups:
        return []
    largest = max(groups, key=lambda size: len(groups[size]))
    groups[largest] += unreadable  # rows that will fail, with their reason
    by_name = {name: size for size, members in groups.items() for name in members}
    return [by_name[name] for name in names]
