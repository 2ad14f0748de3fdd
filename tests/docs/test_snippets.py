"""Every snippet of the documentation does what it shows.

A page is run as a newcomer would: its snippets in their order, in one fresh interpreter and an empty folder.
A snippet is a `python` block, or a `sh` block, whose lines are commands `pyxai …` or `python -m …`. What can
not run, such as a template, is marked by a comment `<!-- not run: why -->` on the line before. Untagged
blocks are for what is no command of ours: `make`, `pip`, trees of files.

They need nothing but what the package requires, or what a comment `<!-- takes: an extra -->` names.
`PYXAI_SNIPPETS_PYTHON` names the interpreter of an environment where the package is installed, and nothing
else, to run them there, all but those of an extra.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FAST = {ROOT / "README.md", ROOT / "docs" / "adding-a-method.md"}
ELSEWHERE = {"docs/differences.md"}  # by tests/test_differences.py, an example at a time
BLOCK = re.compile(
    r"(?:<!-- (?P<word>not run|takes): .+? -->\n)?```(?P<kind>\w*)\n(?P<text>.*?)```", re.DOTALL
)

FRESH = os.environ.get("PYXAI_SNIPPETS_PYTHON")
LEFT_OUT = ("not run", "takes") if FRESH else ("not run",)

# What a page may take for granted, and what stands for what a reader would download.
GIVEN = """
import torch

import pyxai


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        block = torch.nn.Conv2d(4, 4, 3, padding=1), torch.nn.ReLU()
        self.conv1, self.layer4 = torch.nn.Conv2d(3, 4, 3, 2), torch.nn.Sequential(*block)
        self.fc = torch.nn.Linear(4, 10)

    def forward(self, x):
        return self.fc(self.layer4(self.conv1(x).relu()).mean((2, 3)))


torch.manual_seed(0)
torch.set_num_threads(1)
model = Model().eval()
images = torch.rand(2, 3, 160, 160)
"""
STANDS_FOR = {"torchvision:resnet50?weights=DEFAULT": "pyxai.demo.networks:digits"}
COMMAND = """
import runpy
import sys

sys.argv = {arguments!r}
try:
    runpy.run_module({module!r}, run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert not end.code, f"{line} ended with {{end.code}}"
"""


def program(page: str) -> str:
    """The snippets of a page as one program; empty where it has none."""
    parts = [
        block["text"] if block["kind"] == "python" else commands(block["text"])
        for block in BLOCK.finditer(page)
        if block["kind"] in ("python", "sh") and block["word"] not in LEFT_OUT
    ]
    return "\n".join([GIVEN, *parts]) if parts else ""


def commands(text: str) -> str:
    """The lines of a shell as a program."""
    return "\n".join(command(line) for line in text.replace("\\\n", " ").splitlines())


def command(line: str) -> str:
    words = [STANDS_FOR.get(word, word) for word in shlex.split(line, comments=True)]
    if not words:
        return ""
    words = ["python", "-m", *words] if words[0] == "pyxai" else words
    assert words[:2] == ["python", "-m"], f"a snippet must call pyxai or python -m, got {line}"
    return COMMAND.format(arguments=words[2:], module=words[2], line=line)


def run(page: str, folder: Path) -> subprocess.CompletedProcess:
    """Run the snippets of a page in ``folder``, where ``photos/`` has pictures of one size."""
    random = np.random.default_rng(0)
    (folder / "photos").mkdir()
    for number in range(16):
        pixels = random.integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / f"{number:02}.png")
    (folder / "page.py").write_text(program(page))
    if FRESH:
        (folder / "examples").symlink_to(ROOT / "examples")  # which are of a checkout, not of a wheel
    return subprocess.run(
        [FRESH or sys.executable, "page.py"],
        cwd=folder,
        env={"OMP_NUM_THREADS": "1", "PATH": ""} | ({} if FRESH else {"PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=() if path in FAST else pytest.mark.slow)
        for path in PAGES
        if program(path.read_text()) and str(path.relative_to(ROOT)) not in ELSEWHERE
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_snippet_of_a_page_runs(path, tmp_path):
    done = run(path.read_text(), tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_pages_are_found():
    """A convention that nobody follows would check nothing."""
    counts = {str(path.relative_to(ROOT)): program(path.read_text()).count("pyxai.") for path in PAGES}
    assert {"README.md", "docs/cli.md", "docs/methods/gradient.md", "docs/adding-a-method.md"} <= {
        name for name, count in counts.items() if count
    }


@pytest.mark.parametrize(
    "page, message",
    [
        ("```python\npyxai.explain(model, images, 'salience')\n```\n", "no method 'salience'"),
        ("```python\npyxai.nothing\n```\n", "has no attribute 'nothing'"),
        ("```sh\npyxai explain --data photos/ --out x\n```\n", "ended with 2"),
        ("```python\nx = 1\n```\nthen\n```sh\npyxai info\n```\n```python\nassert x == 2\n```\n", "x == 2"),
    ],
)
def test_a_wrong_snippet_fails(page, message, tmp_path):
    done = run(page, tmp_path)
    assert done.returncode != 0 and message in done.stderr


def test_only_what_is_marked_is_left_out():
    marked = "<!-- not run: a template -->\n```python\nraise ValueError\n```\n"
    assert program(marked) == "" and program(f"```text\nraise\n```\n{marked}") == ""
    assert "raise ValueError" in program(marked.replace("not run", "note"))
    assert "raise ValueError" in program("<!-- not run: why -->\n\n" + marked.partition("\n")[2])


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_of_ours_stand_in_blocks_that_are_run_or_marked(path):
    page = path.read_text()
    rest = BLOCK.sub(lambda block: "" if block["kind"] in ("sh", "python") else block["text"], page)
    assert not re.findall(r"^ *(?:pyxai|python -m pyxai|python -m tools) .*", rest, re.M)
