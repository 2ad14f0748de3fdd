"""What runs of `pyxai explain --method cartoonx` and `pixel_rde` over a data set say, and a sheet of them.

    python -m examples.rde.summary cartoonx.zarr pixel_rde.zarr --out sheet.png

For each run its time and, over the images: quantiles of p(class | obfuscated) / p(class | image), of the
kept fraction and of the share of fine detail in the map. That share is the part of the energy of the map's
three finest Haar scales that is *not* in its largest hundredth of coefficients: small for a map that is
piecewise smooth, large for one that is jagged. Whether the class is kept depends on how sure the model was:
with the distortion (p(x) - p(y))² an image costs at most p(x)² with nothing kept.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import pyxai
from pyxai import ops
from pyxai.render import gallery

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
HAAR = torch.tensor([[1.0, 1.0], [1.0, -1.0]]) / 2**0.5
SCALES = 3


def roughness(maps: Tensor) -> Tensor:
    """The share of fine detail in maps (N, H, W)."""
    rows = ops.dwt(maps[:, None].float(), HAAR, SCALES)[:, 0]
    parts = ops.wavelet_layout(*maps.shape[1:], SCALES, 2).parts
    energy = rows[:, parts[0] :].square()
    largest = energy.topk(energy.shape[1] // 100).values.sum(1)
    return 1 - largest / energy.sum(1).clamp(min=1e-30)


def seconds(path: Path) -> float:
    """How long all parts of a run took, from the first batch to the last commit."""
    return sum(json.loads(line)["seconds"] for line in (path / "runs.jsonl").read_text().splitlines())


def described(name: str, values: Tensor) -> str:
    found = torch.quantile(values.double(), torch.tensor(QUANTILES, dtype=torch.float64))
    return f"  {name}: " + "  ".join(
        f"{100 * q:.0f} % {v:.3f}" for q, v in zip(QUANTILES, found, strict=True)
    )


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("runs", nargs="+", type=Path)
    made.add_argument("--out", type=Path, default=Path("sheet.png"))
    made.add_argument("--count", type=int, default=10, help="pictures on the sheet")
    arguments = made.parse_args()
    try:
        runs = [pyxai.open(path) for path in arguments.runs]
    except ValueError as error:
        made.error(str(error))
    maps: dict[str, list[np.ndarray]] = {}
    places = np.linspace(0, len(runs[0]) - 1, arguments.count).round().astype(int).tolist()
    for run, path in zip(runs, arguments.runs, strict=True):
        explanation = run[0 : len(run)]
        extras, pictures = explanation.extras, explanation.heatmap()
        method = run.manifest["method"]
        print(f"{method}, {len(run)} images in {seconds(path):.0f} s")
        print(described("p under the mask / p", extras["probability"] / extras["image_probability"]))
        print(described("kept", extras["kept"]))
        print(described("detail outside the largest 1 %", roughness(pictures)))
        same = extras["predicted"] == explanation.target
        sure = extras["image_probability"] >= 0.5
        for chosen, which in ((sure, "p ≥ 0.5"), (~sure, "p < 0.5")):
            print(
                f"  class kept under the mask: {int(same[chosen].sum())} of {int(chosen.sum())} with {which}"
            )
        maps[method] = [pictures[i].numpy() for i in places]
    gallery([runs[0].image(i) for i in places], maps, arguments.out, cmap="gray", percentile=100)
    print(arguments.out)


if __name__ == "__main__":
    main()
