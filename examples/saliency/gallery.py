"""Classical saliency side by side: a row for each photograph, a column for each method.

python -m examples.saliency.gallery --data photos/ --out gallery.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

import pyxai
from pyxai import saliency
from pyxai.engine import Preprocess
from pyxai.engine.data.sources import open_source, read_row
from pyxai.render import gallery

METHODS = pyxai.list_methods("saliency")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder or zip of pictures of any sizes")
    parser.add_argument("--out", type=Path, default=Path("gallery.png"), help="the sheet")
    parser.add_argument("--count", type=int, default=6, help="pictures to take")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    arguments = parser.parse_args()
    source = open_source(arguments.data)
    pixels = [read_row(source, name, Preprocess(), None) for name in source.names()[: arguments.count]]
    maps = {}
    for name in arguments.methods:
        method = getattr(saliency, name)
        try:
            maps[name] = [method(torch.from_numpy(p)[None] / 255)[0].numpy() for p in pixels]
        except ImportError as error:
            print(f"left out: {error}")
    gallery([p.transpose(1, 2, 0) for p in pixels], maps, arguments.out)
    print(arguments.out)


if __name__ == "__main__":
    main()
