"""``pyxai demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the stores and sheets.")] = Path("pyxai-demo"),
) -> None:
    """Explain photographs and digits that come with scikit-image and scikit-learn."""
    from pyxai.demo import run

    run(out)
