"""A small house that breaks no rule, into which the tests plant one fault at a time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.layering.house import House
from tests.layering.rules import RULES

CLEAN = {
    "pyxai/__init__.py": """
from typing import TYPE_CHECKING
import importlib
if TYPE_CHECKING:
    from pyxai import low
    from pyxai.high import Face
__version__ = "1"
def __getattr__(name):
    return getattr(importlib.import_module({"Face": "pyxai.high"}[name]), name)
""",
    "pyxai/low/__init__.py": "from pyxai.low.one import one\n",
    "pyxai/low/one.py": "import pyxai\nfrom pyxai.low import _own\none = _own.value, pyxai.__version__\n",
    "pyxai/low/_own.py": """
value = _secret = 1
class Thing:
    def __init__(self):
        self._inside = 1
""",
    "pyxai/high/__init__.py": "from pyxai.high.face import Face\n",
    "pyxai/high/face.py": "from pyxai import low, ops\nFace = low.one\nscaled = ops.scale\n",
    "pyxai/high/late.py": "def late():\n    from pyxai.high import Face\n    return Face\n",
    "pyxai/ops/__init__.py": "import pkgutil\nmodules = pkgutil.iter_modules(__path__)\n",
    "pyxai/ops/_define.py": "def define(schema):\n    return schema\n",
    "pyxai/ops/scale.py": """
from pyxai.ops._define import define
__all__ = ["scale"]
SCHEMA = "scale(Tensor x) -> Tensor"
_op, _op_ = define(SCHEMA), define("scale_(Tensor x) -> Tensor")
def scale(x):
    return _op(x)
""",
    "csrc/common/hd.h": "#include <cstdint>\n",
    "csrc/common/torch.h": "#include <torch/csrc/stable/library.h>\n",
    "csrc/common/cpu.h": '#include "common/torch.h"\n',
    "csrc/common/cuda.h": '#include <cuda_runtime.h>\n#include "common/torch.h"\n',
    "csrc/kernels/scale.h": '#include "common/hd.h"\n',
    "csrc/cpu/scale.cpp": '#include "common/cpu.h"\n#include "kernels/scale.h"\n',
    "csrc/cuda/scale.cu": '#include "common/cuda.h"\n#include "kernels/scale.h"\n',
    "csrc/tests/test_scale.cpp": '#include "kernels/scale.h"\n',
    "benchmarks/ops/scale.py": "",
    "tests/low/test_one.py": "",
    "tests/low/test_own.py": "",
    "tests/high/test_face.py": "",
    "tests/high/test_late.py": "",
    "tests/ops/test_scale.py": "",
    "tests/ops/test_define.py": "",
    "tests/layers.toml": """
[rooms]
"__init__" = "the face"
"_C" = "compiled"
"low" = "below"
"high" = "above"
"ops" = "operators"

[arrows."__init__"]
"low" = "public"
"high" = "public"

[arrows."high"]
"low" = "a reason"
"ops" = "a reason"

[imports_by_text]
"__init__.py" = "lazy"

[kernel_includes]
"common/hd.h" = "a reason"
""",
}


@dataclass(frozen=True)
class Planted:
    """The small house in a folder."""

    root: Path

    def write(self, file: str, text: str) -> None:
        """Make or replace a file."""
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def add(self, file: str, text: str) -> int:
        """Add a line to a file; returns its number."""
        path = self.root / file
        before = path.read_text() if path.exists() else ""
        self.write(file, f"{before}{text}\n")
        return before.count("\n") + 1

    def declare(self, section: str, line: str) -> None:
        """Add a line to a section of tests/layers.toml."""
        path, head = self.root / "tests/layers.toml", f"[{section}]\n"
        text = path.read_text()
        if head not in text:
            text += f"\n{head}"
        path.write_text(text.replace(head, f"{head}{line}\n"))

    def faults(self, rule: str) -> list[str]:
        """What breaks a rule."""
        return list(RULES[rule](House(self.root)))


@pytest.fixture
def planted(tmp_path):
    house = Planted(tmp_path)
    for file, text in CLEAN.items():
        house.write(file, text.removeprefix("\n"))
    return house
