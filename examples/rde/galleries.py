"""Rate-distortion explanations beside other methods (CartoonX, figures 5, 6, 12 and 17 to 21).

With `--labels` (a file of one class number a line, in the order of the pictures' names) the pictures that the
model gets wrong are shown apart; without it, a picture's class is the number its file name begins with.
"""

from __future__ import annotations

import re
from pathlib import Path

import pyxai
from examples.rde.common import class_names, heatmaps, opened, parser

OTHERS = {
    "IG": ("integrated_gradients", {"steps": 32}),
    "SmoothGrad": ("smoothgrad", {"samples": 10, "noise_scale": 0.1}),
    "guided backprop": ("guided_backprop", {}),
    "LRP": ("lrp", {}),
}


def labels(path: str | None, names: list[str]) -> list[int]:
    if path is not None:
        return [int(line) for line in Path(path).read_text().split()]
    found = [re.match(r"\d+", Path(name).name) for name in names]
    return [int(match[0]) if match else -1 for match in found]


def main() -> None:
    made = parser(__doc__, 6)
    made.add_argument("--labels")
    made.add_argument("--classes", help="names of the classes")
    made.add_argument("--wrong", action="store_true", help="only pictures that the model gets wrong")
    arguments = made.parse_args()
    count = arguments.count
    if arguments.wrong:
        arguments.count = 10**9
    photographs = opened(arguments)
    names = class_names(arguments.classes)
    predicted = photographs.scores().argmax(1).tolist()
    true = labels(arguments.labels, photographs.names)
    places = [
        i for i, (p, t) in enumerate(zip(predicted, true, strict=True)) if p != t or not arguments.wrong
    ]
    places = places[:count]
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
