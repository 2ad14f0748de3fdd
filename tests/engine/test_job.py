"""What a run is asked to do."""

import dataclasses

import pytest

import pyxai
from pyxai.engine.job import BATCH, Job


def test_defaults_are_those_of_the_public_call():
    job = Job("timm:resnet18", "photos", "run.zarr")
    assert job.method in pyxai.list_methods()
    assert (job.options, job.target, job.preprocess, job.shard) == ({}, None, {}, (0, 1))
    assert job.batch_size == BATCH == 64
    assert job.options is not Job(None, "a", "b").options


def test_a_job_does_not_change():
    job = Job("timm:resnet18", "photos", "run.zarr")
    with pytest.raises(dataclasses.FrozenInstanceError):
        job.rows = 3
    assert dataclasses.replace(job, rows=3).rows == 3
