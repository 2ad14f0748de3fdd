"""Methods that do not come with the package: of an installed distribution, and of a file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyxai.methods import get_method

ROOT = Path(__file__).parents[2]
BRIGHTNESS = '''
from pyxai.methods import Method, Needs
from pyxai.methods.request import Maps


class Brightness(Method):
    """The brightness of the image."""

    name = "brightness"
    needs = Needs.NOTHING
    per_channel = False

    def attribute(self, executor, request):
        return Maps([request.images.mean(1, keepdim=True)])
'''
EXPLAIN = """
import torch

import pyxai

images = torch.rand(2, 3, 4, 4)
found = pyxai.explain(None, images, {method!r})
assert torch.equal(found.attribution, images.mean(1, keepdim=True)) and found.method == "brightness"
print(pyxai.methods.get_method("brightness").family, len(pyxai.list_methods("third-party")))
"""


def install(folder: Path, name: str, module: str, text: str) -> None:
    """A made-up distribution in ``folder`` whose ``module`` has methods."""
    (folder / f"{module}.py").write_text(text)
    facts = folder / f"{name}-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[pyxai.methods]\nanything = {module}\n")


def run(folder: Path, program: str) -> subprocess.CompletedProcess:
    """Run ``program`` in a fresh interpreter that finds what is installed in ``folder``."""
    environment = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_an_installed_distribution_adds_its_methods(tmp_path):
    install(tmp_path, "bright-maps", "bright_maps", BRIGHTNESS)
    done = run(tmp_path, EXPLAIN.format(method="brightness"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["third-party", "1"]


def test_a_broken_distribution_is_said_and_leaves_the_others(tmp_path):
    install(tmp_path, "broken-maps", "broken_maps", "raise RuntimeError('not today')")
    install(tmp_path, "bright-maps", "bright_maps", BRIGHTNESS)
    done = run(tmp_path, EXPLAIN.format(method="brightness"))
    assert done.returncode == 0 and done.stdout.split() == ["third-party", "1"]
    assert "the methods of broken_maps cannot be imported: not today" in done.stderr


def test_the_method_of_a_file(tmp_path):
    (tmp_path / "mine.py").write_text(BRIGHTNESS)
    done = run(tmp_path, EXPLAIN.format(method="mine.py:brightness"))
    assert done.returncode == 0 and done.stdout.split() == ["third-party", "1"], done.stderr


def test_two_methods_of_one_name_are_an_error(tmp_path):
    install(tmp_path, "bright-maps", "bright_maps", BRIGHTNESS.replace('"brightness"', '"saliency"'))
    done = run(tmp_path, "import pyxai; pyxai.list_methods()")
    assert "two methods are called 'saliency': " in done.stderr and "bright_maps.Brightness" in done.stderr


@pytest.mark.parametrize(
    "text, message",
    [
        (None, "cannot import the method mine.py:brightness: no such file: mine.py"),
        ("def", "cannot import the method mine.py:brightness: invalid syntax"),
        ("", "no method 'brightness'"),
    ],
)
def test_a_file_without_the_method_is_an_error(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / "mine.py").write_text(text)
    with pytest.raises(ValueError, match=message):
        get_method("mine.py:brightness")
