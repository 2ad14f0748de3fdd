"""Whether visualizations show the attributes of a class: Table 1 of Shi et al. 2023, where they are known.

    python -m benchmarks.visualization_attributes [--steps N] [--cells FOLDER]

A class is a colour and a shape. Images hold two objects that share neither; one network explains the first of
them, and another, trained apart from it, reads colour and shape from the pictures that each series makes. Of
all that is in an image a picture of the class should show its own. Chance is a third for each attribute, a
ninth for both. What is done of each series and seed is stored at once, so that a run that was killed goes on.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from benchmarks import harness
from benchmarks.cells import Cells, begin, command
from benchmarks.harness import Results
from benchmarks.table import STUDIES
from benchmarks.visualization_series import SERIES, Study
from pyxai import Preprocess
from tests.visualization import coloured_shapes
from tests.visualization.coloured_shapes import COLOURS, SHAPES

SUBJECT = STUDIES[1]
LAYER = "8"
STEPS, EACH, SEEDS = 256, 3, 2
MEASURES = ("colour read", "shape read", "both read")


def pairs(each: int) -> Tensor:
    """(N, 2): every class beside others with another colour and another shape."""
    found = []
    for first in range(len(coloured_shapes.CLASSES)):
        colour, shape = divmod(first, len(SHAPES))
        for number in range(each):
            other = (colour + 1 + number % 2) % len(COLOURS), (shape + 1 + number // 2 % 2) % len(SHAPES)
            found.append((first, other[0] * len(SHAPES) + other[1]))
    return torch.tensor(found)


def study(each: int) -> Study:
    """Images of two objects at the last map of the network that names the class of the first."""
    classes = pairs(each)
    images, _ = coloured_shapes.pictures(classes, seed=11)
    model, preprocess = coloured_shapes.names_the_class(), Preprocess(channels="RGB", mean=(0.0,) * 3)
    return Study(model, preprocess, images, LAYER, classes[:, 0])


def shares(about: Study, series: str, steps: int, seed: int) -> list[float]:
    """The parts of the images of which the colour, the shape and both are read right in a picture.

    Of several pictures of an image, it is the mean over them.
    """
    shown = about.shown(series, steps, seed).pictures
    wanted = coloured_shapes.attributes(about.target.repeat_interleave(shown.shape[1]))
    found = coloured_shapes.read(shown.flatten(0, 1))
    colour, shape = (one == other for one, other in zip(found, wanted, strict=True))
    return [float(right.double().mean()) for right in (colour, shape, colour & shape)]


def main() -> None:
    parser = command(__doc__, SUBJECT)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    begin(arguments)
    results = Results(SUBJECT, harness.machine() | {"gpu": ""})
    cells = Cells(arguments.cells, {"steps": arguments.steps, "each": EACH})
    about = study(EACH)
    for series in SERIES:
        done = [
            cells.get(f"{series}/{seed}", partial(shares, about, series, arguments.steps, seed))
            for seed in range(SEEDS)
        ]
        for what, of_seeds in zip(MEASURES, torch.tensor(done).T, strict=True):
            results.state(f"{series}: {what}", float(of_seeds.mean()))
            results.state(f"{series}: {what}, s.d. of seeds", float(of_seeds.std()))
    print(f"stored {harness.write_json(results, arguments.out)}")


if __name__ == "__main__":
    main()
