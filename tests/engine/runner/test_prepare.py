"""Everything before the first batch; a refusal has written nothing."""

import numpy as np
import pytest
import torch

from pyxai.engine import InputError
from pyxai.engine.runner import prepare as module
from pyxai.engine.runner.check import checked
from pyxai.engine.runner.distributed import World
from pyxai.engine.runner.prepare import Clock, prepare
from tests.engine.conftest import TINY, picture


def test_a_run_that_can_begin(job):
    clock = Clock()
    prepared = prepare(checked(job(target=3, shard=(1, 3))), World(), clock)
    assert (prepared.target, prepared.shard, prepared.dtype) == (3, (1, 3), torch.float32)
    assert prepared.explainer.rows == prepared.store.manifest["rows"] == 64
    assert prepared.explainer.classes == 5  # captured, before any batch
    assert len(prepared.images.names) == prepared.store.rows == 150
    pixels = np.asarray(picture(0)).transpose(2, 0, 1)
    torch.testing.assert_close(prepared.input([pixels] * 2)[1], torch.from_numpy(pixels.copy()) / 255)
    assert set(clock.laps) == {"model", "listing", "capture"}


def test_the_explainer_is_made_once_also_where_rows_had_to_be_halved(job, monkeypatch):
    made = []

    class Counted(module.Explainer):
        def __init__(self, *arguments, **options):
            made.append(self)
            super().__init__(*arguments, **options)

    monkeypatch.setattr(module, "Explainer", Counted)
    prepared = prepare(checked(job(model=f"{TINY}:crowded")), World(), Clock())
    assert made == [prepared.explainer]
    assert prepared.explainer.rows == prepared.store.manifest["rows"] == 8


def test_options_that_are_silent_know_the_seed_and_what_black_is(job):
    options = {"steps": 4, "baseline": "black"}
    asked = job(model=f"{TINY}:prepared_net", options=options, seed=3)
    prepared = prepare(checked(asked), World(), Clock())
    assert prepared.explainer.method.seed == 3
    assert prepared.explainer.method.low == prepared.images.preprocess.black
    with pytest.raises(InputError, match=r"^integrated_gradients: no option `stepz`"):
        prepare(checked(job(options={"stepz": 3}, resume=True)), World(), Clock())


def test_laps_add_up_by_name():
    clock = Clock({"imports": 2.0})
    clock.lap("model")
    clock.lap("model")
    assert clock.laps["imports"] == 2.0
    assert 0 <= clock.laps["model"] < 5
