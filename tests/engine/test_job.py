"""What a run is asked to do."""

import dataclasses

import pytest

import pyxai
from pyxai.engine.job import CHUNK, Job


def test_defaults_are_those_of_the_public_call_and_of_one_whole_chunk():
    job = Job("timm:resnet18", "photos", "run.zarr")
    assert job.method in pyxai.list_methods()
    assert (job.options, job.target, job.preprocess, job.shard) == ({}, None, {}, (0, 1))
    assert job.batch_size == CHUNK == 64  # stores that are on disks have chunks of 64 rows
    assert job.options is not Job(None, "a", "b").options


def test_a_job_does_not_change():
    job = Job("timm:resnet18", "photos", "run.zarr")
    with pytest.raises(dataclasses.FrozenInstanceError):
        job.rows = 3
    assert dataclasses.replace(job, rows=3).rows == 3
