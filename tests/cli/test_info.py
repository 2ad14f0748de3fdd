"""``pyxai info``."""

import torch

import pyxai as package
from pyxai import ops


def test_versions_devices_and_every_operator(pyxai):
    code, out, _ = pyxai("info")
    assert code == 0
    assert out.startswith(f"pyxai {package.__version__}, Python 3")
    assert f"torch {torch.__version__.partition('+')[0]}" in out
    assert f"{torch.get_num_threads()} threads" in out
    for entry in ops.status():
        assert f" {entry['op']} " in out
    assert "cuda" in out and ops.evidence() in out.splitlines()
