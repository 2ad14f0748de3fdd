"""``pyxai methods``."""

import pyxai as package


def test_every_method_with_its_family_needs_and_options(pyxai):
    code, out, _ = pyxai("methods")
    assert code == 0
    for name in package.list_methods():
        assert f" {name} " in out
    for word in ("steps: int | None = None", "gradients", "scores", "nothing", "graph"):
        assert word in out
    assert "object at" not in out
