"""``pyxai methods``."""

import re

import pytest

import pyxai as package


def test_every_method_with_its_family_needs_and_options(pyxai):
    code, out, _ = pyxai("methods")
    assert code == 0
    for name in package.list_methods():
        assert f" {name} " in out
    for word in ("steps: int | None = None", "gradients", "scores", "nothing", "graph"):
        assert word in out
    assert "object at" not in out


@pytest.mark.parametrize("name", package.list_methods())
def test_one_method_with_its_options_explained(pyxai, name):
    code, out, err = pyxai("methods", name)
    method = package.methods.get_method(name)
    assert (code, err) == (0, "") and out.startswith(f"{name} ({method.family}, needs {method.needs})\n")
    assert ("\nTakes volumes and clips, too.\n" in out) == method.volumes
    assert (f"\nTakes every image to the CPU, where {method.host}.\n" in out) == bool(method.host)
    shown = " ".join(out.replace("`", "").split())
    for option in method.options().values():
        assert f"--set {option.name}=" in shown and re.split("[.`:]", option.doc)[0].strip() in shown
    assert "object at" not in out and ":class:" not in out


def test_a_method_that_is_not_there(pyxai):
    for name, told in (("ig", "did you mean 'integrated_gradients'?"), ("fullgrad", "does not have")):
        code, out, err = pyxai("methods", name)
        assert (code, out, err.count("\n")) == (2, "", 1) and told in err
