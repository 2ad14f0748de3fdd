"""``pyxai dxai evaluate``: options reach the evaluation, which has its own tests; one line for a mistake."""

from pathlib import Path

import pytest

from pyxai.engine.decomposition import evaluate as tables


def test_options_reach_the_evaluation_and_the_table_is_printed(pyxai, monkeypatch):
    heard = {}
    row = {"area": 0.25, "area_absolute": 0.5, "deletion": 0.125, "agnostic": 0.0625}
    result = {"iterations": 7, "training_minutes": 1.5, "pictures": 4, "accuracy": 0.5, "psnr": 20.0}

    def evaluate(run, data, model, **options):
        heard.update(options, run=run, data=data, model=model)
        return {**result, "methods": {"dxai": row}}

    monkeypatch.setattr(tables, "evaluate", evaluate)
    flags = ["--methods", "lrp", "--limit", 3, "--rows", 2, "--labels", "--device", "cpu"]
    code, out, err = pyxai("dxai", "evaluate", "--run", "run", "--data", "test", *flags)
    assert (code, err) == (0, "")
    assert heard == {
        "run": Path("run"), "data": Path("test"), "model": None, "methods": "lrp", "limit": 3, "rows": 2,
        "labels": True, "signed": False, "device": "cpu", "evaluation": False,
    }  # fmt: skip
    first, head, line = out.splitlines()
    assert first.startswith("7 steps in 1.5 min; 4 held-out pictures, 50.0% classified right")
    assert head.split("  ")[-1].strip() == "|p - 1/c|"
    assert line.split() == ["dxai", "0.250", "0.500", "0.125", "0.062"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--limit", 0], "Invalid value for '--limit': "),
        (["--rows", 0], "Invalid value for '--rows': "),
        (["--methods", "dxai"], "--methods names heat maps, not 'dxai', which is always there"),
        ([], "no checkpoint.pt in "),
    ],
)
def test_requests_that_cannot_work_are_one_line(pyxai, flags, message):
    code, out, err = pyxai("dxai", "evaluate", "--run", "nowhere", "--data", "test", *flags)
    assert (code, out) == (2, "")
    assert err.strip().splitlines()[-1].startswith(f"pyxai: {message}")
