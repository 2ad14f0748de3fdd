"""Rate-distortion explanations beside other methods (CartoonX, figures 5, 6, 12 and 17 to 21).

`--wrong` shows only pictures that the model gets wrong. A picture's true class is the number that its file
name begins with; or `--labels` is a file of one class number a line, for all pictures of the data in their
names' order.
"""

from __future__ import annotations

import re
from pathlib import Path

import pyxai
from examples.rde.common import Photographs, class_names, heatmaps, opened, parser

OTHERS = {
    "IG": ("integrated_gradients", {"steps": 32}),
    "SmoothGrad": ("smoothgrad", {"samples": 10, "noise_scale": 0.1}),
    "guided backprop": ("guided_backprop", {}),
    "LRP": ("lrp", {}),
}


def labels(path: str | None, photographs: Photographs) -> list[int]:
    """The true classes of the photographs."""
    if path is not None:
        every = [int(line) for line in Path(path).read_text().split()]
        if len(every) != photographs.total:
            raise SystemExit(f"--labels: {path} has {len(every)} classes for {photographs.total} pictures")
        return [every[place] for place in photographs.places]
    found = {name: re.match(r"\d+", Path(name).name) for name in photographs.names}
    nameless = [name for name, match in found.items() if not match]
    if nameless:
        raise SystemExit(f"--wrong needs --labels: {nameless[0]} does not begin with the number of its class")
    return [int(match[0]) for match in found.values()]


def main() -> None:
    made = parser(__doc__, 6)
    made.add_argument("--labels", help="file of the pictures' true classes, for --wrong")
    made.add_argument("--classes", help="names of the classes")
    made.add_argument("--wrong", action="store_true", help="only pictures that the model gets wrong")
    arguments = made.parse_args()
    count = arguments.count
    if arguments.wrong:
        arguments.count = 10**9
    photographs = opened(arguments)
    names = class_names(arguments.classes)
    predicted = photographs.scores().argmax(1).tolist()
    places = list(range(len(predicted)))
    if arguments.wrong:
        true = labels(arguments.labels, photographs)
        places = [i for i in places if predicted[i] != true[i]][:count]
        if not places:
            raise SystemExit("the model gets none of these pictures wrong")
    photographs.images = photographs.images[places]
    photographs.pictures = [photographs.pictures[i] for i in places]
    for i in places:
        print(f"{photographs.names[i]}: taken for {names.get(predicted[i], predicted[i])}")
    maps = {
        "CartoonX": heatmaps(photographs.explain("cartoonx")),
        "Pixel RDE": heatmaps(photographs.explain("pixel_rde")),
    }
    for name, (method, options) in OTHERS.items():
        found = pyxai.explain(photographs.model, photographs.images, method=method, **options)
        maps[name] = list(found.heatmap("abs_sum").float().numpy())
    photographs.show("wrong" if arguments.wrong else "gallery", maps)


if __name__ == "__main__":
    main()
