"""Faults in imports: each is planted into the small house and must be found at its file and line."""

import pytest

ARROW = "arrows_are_declared"
UPWARD = "low must not import high"


@pytest.mark.parametrize(
    "taken",
    [
        "from pyxai import Face",
        "from pyxai.high import Face",
        "from pyxai.high.face import Face",
        "import pyxai.high.face",
        "import pyxai.high as upper",
        "import pyxai; Face = pyxai.Face",
        "import pyxai; face = pyxai.high.face",
        "import importlib; importlib.import_module('pyxai.high.face')",
        "from importlib import import_module; import_module('pyxai.high')",
        "__import__('pyxai.high')",
        "exec_late = lambda: __import__('pyxai.high.face')",
        "if TYPE_CHECKING: from pyxai.high import Face",
    ],
)
def test_a_lower_room_takes_from_an_upper_one(planted, taken):
    line = planted.add("pyxai/low/_own.py", taken)
    faults = planted.faults(ARROW)
    assert faults and all(
        fault.startswith(f"pyxai/low/_own.py:{line}: low must not import high") for fault in faults
    )


def test_a_lower_room_takes_from_an_upper_one_in_a_function(planted):
    planted.write("pyxai/low/one.py", "def one():\n    from pyxai import Face\n    return Face\n")
    assert planted.faults(ARROW) == [
        "pyxai/low/one.py:2: low must not import high, it takes pyxai.Face (pyxai/high/face.py)"
    ]


def test_what_an_upper_room_only_passes_on_is_taken_from_it(planted):
    line = planted.add("pyxai/low/_own.py", "from pyxai.high.face import scaled, low")
    assert any(
        fault.startswith(f"pyxai/low/_own.py:{line}: low must not import high")
        for fault in planted.faults(ARROW)
    )


def test_a_name_given_out_by_a_folder_that_finds_its_files(planted):
    line = planted.add("pyxai/low/_own.py", "from pyxai.ops import scale")
    assert planted.faults(ARROW) == [
        f"pyxai/low/_own.py:{line}: low must not import ops, it takes pyxai.ops.scale (pyxai/ops/scale.py)"
    ]


@pytest.mark.parametrize(
    "taken",
    [
        "from pyxai.low import nothing",
        "from . import one",
        "import pyxai; pyxai.nothing",
        "from pyxai.low import *",
    ],
)
def test_a_name_that_is_nowhere(planted, taken):
    line = planted.add("pyxai/high/late.py", taken)
    (fault,) = planted.faults("names_resolve")
    assert fault.startswith(f"pyxai/high/late.py:{line}: ")


def test_the_compiled_module_is_a_room(planted):
    line = planted.add("pyxai/high/face.py", "from pyxai import _C")
    (fault,) = planted.faults(ARROW)
    assert fault.startswith(f"pyxai/high/face.py:{line}: high must not import _C")


def test_an_arrow_nobody_uses(planted):
    planted.declare('arrows."low"', '"ops" = "a reason"')
    lines = (planted.root / "tests/layers.toml").read_text().splitlines()
    line = lines.index('[arrows."low"]') + 2
    assert planted.faults("declared_arrows_are_used") == [
        f"tests/layers.toml:{line}: low is declared to import ops, and does not"
    ]


def test_an_arrow_without_a_reason(planted):
    text = (planted.root / "tests/layers.toml").read_text()
    planted.write("tests/layers.toml", text.replace('"ops" = "a reason"', '"ops" = ""'))
    (fault,) = planted.faults("declared_arrows_are_used")
    assert "the arrow from high to ops has no reason" in fault


def test_a_circle_of_rooms(planted):
    planted.declare('arrows."low"', '"high" = "a reason"')
    (fault,) = planted.faults("rooms_have_levels")
    assert "a circle of rooms" in fault and "low" in fault and "high" in fault


@pytest.mark.parametrize(
    "back",
    [
        "from pyxai.high.face import Face",
        "def late(): from pyxai.high import face",
        "if TYPE_CHECKING: import pyxai.high.face",
        "import importlib; importlib.import_module('pyxai.high.face')",
    ],
)
def test_two_files_in_a_circle(planted, back):
    there = planted.add("pyxai/high/face.py", "from pyxai.high import other")
    here = planted.add("pyxai/high/other.py", back)
    (fault,) = planted.faults("files_have_order")
    assert f"pyxai/high/face.py:{there}" in fault and f"pyxai/high/other.py:{here}" in fault


def test_a_folder_that_takes_from_its_own_face(planted):
    line = planted.add("pyxai/low/_own.py", "from pyxai.low import one")
    (fault,) = planted.faults("files_have_order")
    assert f"pyxai/low/_own.py:{line}" in fault


@pytest.mark.parametrize(
    "taken",
    [
        "import importlib; importlib.import_module(name)",
        "import importlib; load = importlib.import_module",
        "from importlib import import_module as load",
        "import importlib; importlib.import_module('.high', 'pyxai')",
        "__import__(f'pyxai.{name}')",
    ],
)
def test_an_import_that_only_a_run_can_tell(planted, taken):
    line = planted.add("pyxai/low/_own.py", taken)
    assert planted.faults("imports_by_text_are_declared") == [
        f"pyxai/low/_own.py:{line}: imports what only a run can tell, and is not declared to"
    ]


def test_an_import_by_text_that_is_declared_and_not_there(planted):
    planted.declare("imports_by_text", '"low/one.py" = "a reason"')
    (fault,) = planted.faults("imports_by_text_are_declared")
    assert fault.startswith("tests/layers.toml:") and "low/one.py imports nothing" in fault


@pytest.mark.parametrize(
    ("taken", "owner"),
    [
        ("from pyxai.low._own import value", "low"),
        ("from pyxai.low import _own", "low"),
        ("import pyxai; secret = pyxai.low._own", "low"),
        ("from pyxai.low.one import _hidden", "low"),
        ("from pyxai.low import one; one._hidden", "low"),
        ("thing._inside = 1", "low"),
        ("print(thing()._inside)", "low"),
    ],
)
def test_a_private_name_of_another_room(planted, taken, owner):
    planted.write("pyxai/low/__init__.py", "")
    planted.add("pyxai/low/one.py", "_hidden = 1")
    line = planted.add("pyxai/high/late.py", taken)
    faults = planted.faults("private_names_stay")
    assert faults and all(fault.startswith(f"pyxai/high/late.py:{line}: ") for fault in faults)
    assert all(fault.endswith(f"is private to {owner}") for fault in faults)
    planted.declare("private", f'"high -> {owner}" = "a reason"')
    assert not planted.faults("private_names_stay")


def test_a_private_name_that_is_declared_and_not_used(planted):
    planted.declare("private", '"high -> low" = "a reason"')
    (fault,) = planted.faults("private_names_stay")
    assert "high -> low is declared, and nobody does it" in fault


def test_a_file_without_a_room_and_a_room_without_a_file(planted):
    planted.add("pyxai/cellar/coal.py", "")
    planted.declare("rooms", '"attic" = "empty"')
    homeless, empty = planted.faults("files_have_rooms")
    assert homeless == "pyxai/cellar/coal.py:1: belongs to no room of tests/layers.toml"
    assert empty == "tests/layers.toml:2: no file belongs to the room attic"


def test_folders_in_a_folder_are_one_room(planted):
    planted.add("pyxai/low/left/a.py", "value = 1")
    line = planted.add("pyxai/low/one.py", "from pyxai.low.left.a import value")
    assert not planted.faults(ARROW)
    planted.declare("rooms", '"low/*" = "the folders in low"')
    (fault,) = planted.faults(ARROW)
    assert fault.startswith(f"pyxai/low/one.py:{line}: low must not import low/*")
