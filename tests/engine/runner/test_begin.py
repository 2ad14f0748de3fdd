"""The store of a run is created once its first image was explained, and known again."""

import numpy as np
import pytest
import torch

from pyxai.engine import InputError
from pyxai.engine.runner import begin
from pyxai.engine.runner.begin import check_programs, check_same, out_of_memory
from pyxai.engine.runner.check import checked
from pyxai.engine.runner.distributed import World
from pyxai.engine.runner.prepare import Clock, prepare
from pyxai.engine.store.store import Store
from tests.engine.conftest import TINY


@pytest.fixture
def begun(job):
    """A job that has a store, which holds nothing yet."""
    asked = checked(job(resume=True))
    return asked, prepare(asked, World(), Clock())


def test_arrays_are_those_of_one_explanation(begun):
    _, prepared = begun
    manifest = prepared.store.manifest
    assert manifest["arrays"]["heatmap"] == {"shape": [12, 12], "dtype": "float32"}
    names = ["heatmap", "target", "score", "delta", "residual", "evaluations"]
    assert list(manifest["arrays"]) == names
    assert (manifest["rows"], manifest["reduce"], prepared.store.rows) == (64, "sum", 150)
    assert len(prepared.store.pending(range(3))) == 150


def test_a_store_is_of_the_same_run_or_it_is_said_what_differs(begun, job):
    asked, prepared = begun
    identified = dict(prepared.store.manifest)
    check_same(asked, prepared.store, identified)
    with pytest.raises(InputError, match=r"differently: keep is 'heatmap' in the store, 'both' now$"):
        check_same(asked, prepared.store, {**identified, "keep": "both"})
    with pytest.raises(InputError, match="rows is 64 in the store, 16 now"):
        check_same(job(rows=16), prepared.store, identified)


def test_a_run_goes_on_with_the_model_run_as_before(begun):
    _, prepared = begun
    check_programs(prepared.store, prepared.explainer)
    prepared.store.manifest["explainer"]["programs"] = []
    with pytest.raises(InputError, match=r"was begun with the model run as \[\], here it would be \[{"):
        check_programs(prepared.store, prepared.explainer)


def test_nothing_is_written_where_the_first_image_cannot_be_explained(job, monkeypatch):
    def broken(*_):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(begin, "tensors", broken)
    with pytest.raises(InputError, match=r"`model` cannot take images of shape .*: no such kernel"):
        prepare(checked(job()), World(), Clock())
    assert not Store.exists(job().out)


def test_classes_of_a_file_are_checked_for_all_images(job, tmp_path):
    np.save(tmp_path / "classes.npy", np.array([0] * 149 + [5]))
    with pytest.raises(InputError, match="--target must hold classes from 0 to 4, got 0 to 5"):
        prepare(checked(job(target=str(tmp_path / "classes.npy"))), World(), Clock())
    assert not Store.exists(job().out)


def test_what_says_that_memory_ran_out():
    said = (
        "x: can't allocate memory: 9 bytes",
        "std::bad_alloc",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED",
        "CUDA out of memory",
    )
    for error in (MemoryError(), torch.OutOfMemoryError(), *map(RuntimeError, said)):
        assert out_of_memory(error)
    assert not out_of_memory(RuntimeError("memory is fine"))
    assert not out_of_memory(KeyError("out of memory"))


def older(prepared) -> None:
    """Make a store's manifest one that was written before outputs had kinds."""
    manifest = prepared.store.manifest
    del manifest["output_kind"], manifest["output"]
    for program in manifest["explainer"]["programs"]:
        del program["output_kind"], program["explained"]


@pytest.mark.parametrize(
    "model, kind, same",
    [("net", "auto", True), ("single_net", "binary", True), ("softmax_net", "probabilities", True),
     ("softmax_net", "auto", False), ("single_net", "auto", False)],
)  # fmt: skip
def test_a_store_of_before_outputs_had_kinds_goes_on_where_it_means_the_same(job, model, kind, same):
    asked = checked(job(model=f"{TINY}:{model}", resume=True, output_kind=kind))
    prepared = prepare(asked, World(), Clock())
    identified = dict(prepared.store.manifest)
    older(prepared)
    if kind == "auto":
        check_same(asked, prepared.store, identified)
    else:
        with pytest.raises(InputError, match=f"output.kind is 'auto' in the store, '{kind}' now"):
            check_same(asked, prepared.store, identified)
    if same:
        check_programs(prepared.store, prepared.explainer)
        return
    words = r"one output s meant the classes \(-s, s\).*; explained is now .* choose another --out"
    with pytest.raises(InputError, match=words):
        check_programs(prepared.store, prepared.explainer)
