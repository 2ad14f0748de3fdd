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
from pyxai.engine.store.sizes import create, describe, folder, is_of
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
    listing = source.listing()
    names = listing.names
    groups = names_by_size(source, names, preprocess)
    unreadable = groups.pop(None, [])
    for size in [size for size in groups if size[0] * size[1] > _LARGE]:
        if not any(is_readable(source, name, preprocess) for name in groups[size]):
            unreadable += groups.pop(size)
    if len(groups) < 2:
        return [job]
    largest = max(groups, key=lambda size: len(groups[size]))
    groups[largest] = sorted(groups[largest] + unreadable)  # rows that will fail, with their reason
    by_name = {name: size for size, members in groups.items() for name in members}
    sizes = [by_name[name] for name in names]
    here.leader(lambda: _create(job, listing, sizes, source))
    return [
        dataclasses.replace(job, out=Path(job.out) / folder(size), names=tuple(groups[size]))
        for size in sorted(groups)
    ]


def _create(job: Job, listing: Listing, sizes: list[tuple[int, int]], source: Source) -> None:
    """The store that the runs go to; one that is there must be of these pictures."""
    out, described = Path(job.out), describe(job, listing, sizes, source)
    remove_leftovers(out)
    if not Store.exists(out):
        create(out, described, listing.names, sizes)
        return
    refuse_existing(job, out)
    if not is_of(out, described):
        raise InputError(f"{out} was made differently: of other pictures, or of pictures of other sizes")
