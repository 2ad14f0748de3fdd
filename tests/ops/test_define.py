"""Registration: the reference runs wherever no kernel does, and the state of each operator is told."""

import torch

from pyxai.ops import _define


def test_status_has_every_operator_on_both_devices():
    rows = _define.status()
    assert [(row["op"], row["device"]) for row in rows] == [
        (name, device) for name in sorted(_define.registry) for device in ("cpu", "cuda")
    ]
    assert all((row["backend"] == "native") == (row["why"] == "") for row in rows)


def test_an_operator_without_kernels_runs_on_its_reference():
    name = "test_doubled"
    call = _define.define(
        f"{name}(Tensor x) -> Tensor", reference=lambda x: 2 * x, fake=torch.empty_like, samples=None
    )
    try:
        assert torch.equal(call(torch.arange(3.0)), torch.tensor([0.0, 2.0, 4.0]))
        assert _define.registry[name].call is call
        (row,) = (row for row in _define.status() if (row["op"], row["device"]) == (name, "cpu"))
        assert row["backend"] == "reference" and row["why"]
    finally:
        del _define.registry[name]


def test_every_operator_has_a_fake_of_its_results_shape():
    from pyxai import testing

    op = _define.registry["path_points"]
    for arguments in testing.sample_inputs(op, rows=3, shape=(2,)):
        fake = op.call(*(x.to("meta") if isinstance(x, torch.Tensor) else x for x in arguments))
        real = op.call(*arguments)
        assert fake.shape == real.shape and fake.dtype == real.dtype


def test_evidence_says_how_it_is_known_what_kernels_compute(monkeypatch):
    monkeypatch.setattr(_define._native, "missing", None)
    monkeypatch.setattr(_define._native, "build_info", lambda: {"cuda_archs": "8.0;9.0+PTX"})
    said = _define.evidence()
    assert "compiled for 8.0;9.0+PTX" in said and "emulation" in said and "No run on a GPU" in said
    monkeypatch.setattr(_define._native, "build_info", lambda: {"cuda_archs": ""})
    assert _define.evidence() == f"CUDA kernels: none ({_define.NO_CUDA})"
    monkeypatch.setattr(_define._native, "missing", "ImportError: nothing")
    monkeypatch.setattr(_define._native, "build_info", dict)
    assert _define.evidence() == "CUDA kernels: none (ImportError: nothing)"
