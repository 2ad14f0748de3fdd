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


MODEL = """
import numpy, torch
from tests.engine import tiny

def double(image, factor=2):
    return torch.tensor(numpy.asarray(image)).permute(2, 0, 1) / 255 * factor

def net(): return tiny.net(), double
def gradient_net(): return tiny.net(), lambda image: double(image, 3)
"""


def test_preprocessing_that_is_a_function_is_called_and_known_again(job, tmp_path):
    file = tmp_path / "net.py"
    file.write_text(MODEL)
    asked = job(model=f"{file}:net", method="gradient")
    prepared = prepare(checked(asked), World(), Clock())
    pixels = torch.from_numpy(np.asarray(picture(0)).transpose(2, 0, 1).copy()) / 255
    torch.testing.assert_close(prepared.input([prepared.images.pixels])[0], pixels * 2)
    stored = prepared.store.manifest["preprocess"]
    assert stored["channels"] == "RGB" and stored["function"]["callable"] == f"{file}:net"
    again = job(model=f"{file}:net", method="gradient", resume=True)
    prepare(checked(again), World(), Clock())
    file.write_text(MODEL.replace("factor=2", "factor=5"))
    with pytest.raises(InputError, match=r"was made differently: preprocess\.function\.blake2b is"):
        prepare(checked(again), World(), Clock())
    options = {"steps": 4, "baseline": "black"}
    with pytest.raises(
        InputError, match="integrated_gradients needs black and white in the model's input space"
    ):
        prepare(checked(job(model=f"{file}:net", options=options, out=tmp_path / "b.zarr")), World(), Clock())
    prepare(
        checked(job(model=f"{file}:net", options={**options, "low": 0.0}, out=tmp_path / "c.zarr")),
        World(),
        Clock(),
    )


def test_channels_of_a_model_that_says_nothing_are_those_of_the_array(job, tmp_path):
    (tmp_path / "net.py").write_text(
        "from tests.engine import tiny\ndef net(): return tiny.net(channels=5)\n"
    )
    np.save(tmp_path / "a.npy", np.zeros((3, 5, 12, 12), np.uint8))
    asked = job(model=f"{tmp_path / 'net.py'}:net", data=tmp_path / "a.npy", method="gradient", options={})
    prepared = prepare(checked(asked), World(), Clock())
    assert prepared.images.shape == (5, 12, 12)
    assert prepared.store.manifest["preprocess"]["channels"] == 5
    asked = job(data=tmp_path / "a.npy", method="gradient", options={}, out=tmp_path / "b.zarr")
    with pytest.raises(InputError, match=r"cannot take images of shape \(5, 12, 12\)"):
        prepare(checked(asked), World(), Clock())
