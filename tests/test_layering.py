"""The house is as tests/layers.toml declares it: which file may use which, and which files there must be."""

from pathlib import Path

import pytest

from tests.layering.diagram import PAGE, page
from tests.layering.house import House
from tests.layering.rules import RULES

ROOT = Path(__file__).resolve().parents[1]

# Imported when used, never by `import pyxai`.
OPTIONAL = {
    "matplotlib",
    "timm",
    "torchvision",
    "transformers",
    "open_clip",
    "pywt",
    "skimage",
    "sklearn",
    "ray",
    "captum",
}
COMMAND_LINE = {"rich", "typer", "zarr"}


@pytest.fixture(scope="module")
def house():
    return House(ROOT)


@pytest.mark.parametrize("rule", RULES)
def test_the_house_breaks_no_rule(house, rule):
    faults = list(RULES[rule](house))
    assert not faults, "\n".join(["", *faults])


def test_the_diagram_is_of_these_imports():
    assert (ROOT / PAGE).read_text() == page(ROOT), "run `python -m tests.layering`"


@pytest.mark.parametrize(
    ("spelling", "home"), [("torch.ops.pyxai", "ops"), ("pyxai._C", "_native"), ("import _C", "_native")]
)
def test_spelled_in_one_place(house, spelling, home):
    places = {house.plan.room(file) for file in house.package.trees if spelling in (ROOT / file).read_text()}
    assert places <= {home}


def test_import_is_light(run_python):
    """`import pyxai` imports no optional package and nothing only the command line needs."""
    loaded = run_python("import pyxai, sys; print(*sys.modules)").split()
    assert not {name.split(".")[0] for name in loaded} & (OPTIONAL | COMMAND_LINE)
    assert "pyxai" in loaded
