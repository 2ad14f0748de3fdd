"""Arrows point down only: which part of the package may import which."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "pyxai"

# What each part may import besides itself. A part not listed here is on top: it may import anything.
BELOW = {
    "_C": set(),
    "_native": {"_C"},
    "checks": set(),
    "ops": {"_native"},
    "testing": {"ops"},
    "capture": {"ops"},
    "saliency": {"_native", "checks", "ops"},
    "render": set(),
    "rde": {"capture", "checks", "ops"},
    "dxai": {"checks"},
    "attribution": {"capture", "checks", "dxai", "ops", "rde", "saliency"},
    "engine": {"attribution", "capture", "dxai", "ops"},
}
# The one upward import: an Explanation draws itself, with the import inside the call.
LAZY = {("attribution", "render")}

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


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def known_part(name: list[str]) -> str:
    """The part a module belongs to; names of the package itself come from the attribution face."""
    known = {part(path) for path in sources()} | {"_C"}
    return name[0] if name and name[0] in known else "attribution"


def imports(path: Path) -> list[tuple[str, bool]]:
    """(part of pyxai imported, whether inside a function) for every import of the package in a file."""
    tree = ast.parse(path.read_text())
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    found = []
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module]
            if node.module == "pyxai":
                names = [f"pyxai.{alias.name}" for alias in node.names]
        parts = [name.split(".") for name in names if name.split(".")[0] == "pyxai"]
        found += [(known_part(name[1:2]), id(node) in inside) for name in parts]
    return found


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    own = part(path)
    if own not in BELOW:
        return
    for other, lazy in imports(path):
        allowed = other == own or other in BELOW[own] or (lazy and (own, other) in LAZY)
        assert allowed, f"pyxai.{own} must not import pyxai.{other}"


def test_everything_low_is_listed():
    """Whatever a listed part imports is listed itself, so that no arrow escapes the check."""
    for below in BELOW.values():
        assert below <= BELOW.keys()


@pytest.mark.parametrize(
    ("spelling", "home"), [("torch.ops.pyxai", "ops"), ("pyxai._C", "_native"), ("import _C", "_native")]
)
def test_spelled_in_one_place(spelling, home):
    places = {part(path) for path in sources() if spelling in path.read_text()}
    assert places <= {home}


def test_one_file_includes_torch():
    files = [path for path in (ROOT / "csrc").rglob("*.*") if "#include <torch/" in path.read_text()]
    assert files == [ROOT / "csrc/common/torch.h"]


def test_kernels_are_torch_free():
    for path in (ROOT / "csrc/kernels").iterdir():
        includes = [line for line in path.read_text().splitlines() if line.startswith("#include")]
        assert not [line for line in includes if "torch" in line or "cuda" in line], path.name


def test_import_is_light(run_python):
    """`import pyxai` imports no optional package and nothing only the command line needs."""
    loaded = run_python("import pyxai, sys; print(*sys.modules)").split()
    assert not {name.split(".")[0] for name in loaded} & (OPTIONAL | COMMAND_LINE)
    assert "pyxai" in loaded
