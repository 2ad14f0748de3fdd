"""Long experiments in cells: what is done is on the disk at once, and a run that was killed goes on."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks import harness
from benchmarks.harness import ROOT
from tests import zoo


class Cells:
    """A folder of cells.

    Args:
        folder: where they are.
        settings: what decides all numbers; cells of other settings are not mixed with these.

    Raises:
        SystemExit: the folder has cells of other settings.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / "settings.json"
        if not place.exists():
            write(place, json.dumps(settings, indent=1))
        known = json.loads(place.read_text())
        if known != settings:
            names = sorted(
                name for name in known.keys() | settings.keys() if known.get(name) != settings.get(name)
            )
            raise SystemExit(
                f"{folder} has cells with other settings: {', '.join(names)}; choose another --cells"
            )

    def get(self, name: str, make: Callable[[], Any]) -> Any:
        """The cell ``name``, plain values: what is stored, or what ``make`` gives, which is stored then."""
        if self.stored(name) is None:
            write(self._place(name), json.dumps(make()))
        return self.stored(name)

    def stored(self, name: str) -> Any:
        """The cell ``name``; None where it is not done."""
        place = self._place(name)
        return json.loads(place.read_text()) if place.exists() else None

    def _place(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def write(place: Path, text: str) -> None:
    """A whole file or none."""
    place.parent.mkdir(parents=True, exist_ok=True)
    half = place.with_name(f".{place.name}.{os.getpid()}")
    half.write_text(text)
    os.replace(half, place)


def command(doc: str | None, subject: str, data: bool = False) -> argparse.ArgumentParser:
    """The options that all such experiments have.

    Args:
        doc: that of the module.
        subject: names its results.
        data: whether it reads the test data.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    if data:
        parser.add_argument("--data", type=Path, help="folder of the test data (default: PYXAI_TEST_DATA)")
    parser.add_argument("--cells", type=Path, default=ROOT / "build" / subject, help="where cells are stored")
    parser.add_argument("--out", type=Path, default=harness.RESULTS, help="folder of the JSON file")
    parser.add_argument("--threads", type=int, default=2)
    return parser


def begin(arguments: argparse.Namespace) -> None:
    """Do what the options of :func:`command` ask for; missing test data are one line, and the end."""
    torch.set_num_threads(arguments.threads)
    if "data" not in arguments:
        return
    if arguments.data:
        os.environ["PYXAI_TEST_DATA"] = str(arguments.data)
    if zoo.missing_data():
        print(zoo.missing_data(), file=sys.stderr)
        raise SystemExit(2)
