"""Evidence for an aeroplane looked for in a blue sky (CartoonX, figures 10 and 11).

Both methods minimise 10⁶ ‖Φ(plane) - Φ(y)‖₂ over masks of the sky. A mask of pixels can draw the outline it
wants; a mask of wavelet coefficients cannot where the sky has none.
"""

from __future__ import annotations

import torch

from examples.rde.common import heatmaps, opened, parser
from pyxai.rde import Pixels, ProbabilityDistance

SCALE = 1e6


def main() -> None:
    made = parser(__doc__, 1)
    made.add_argument("--of", type=int, default=0, help="place of the picture whose output is looked for")
    made.add_argument("--sparsity", type=float, default=80000.0)
    arguments = made.parse_args()
    arguments.count = arguments.of + 1
    photographs = opened(arguments)
    wanted = photographs.scores()[arguments.of].softmax(0)
    top, bottom = torch.tensor([0.35, 0.55, 0.85]), torch.tensor([0.65, 0.78, 0.95])
    height, width = photographs.images.shape[-2:]
    share = torch.linspace(0, 1, height)[:, None]
    column = (1 - share) * top + share * bottom  # (H, 3)
    photographs.take(column.T[None, :, :, None].expand(1, 3, height, width))
    maps = {}
    for name, representation in (("CartoonX", photographs.wavelets), ("Pixel RDE", Pixels())):
        found = photographs.explain(
            "rate_distortion",
            representation=representation,
            distortion=ProbabilityDistance(SCALE, wanted),
            sparsity=arguments.sparsity,
            target=int(wanted.argmax()),
        )
        maps[name] = heatmaps(found)
        x = found.extras
        print(f"{name}: p(wanted class) of the sky {float(x['image_probability']):.3g},", end=" ")
        print(f"under the mask {float(x['probability']):.3g}; kept {float(x['kept']):.3f}")
    photographs.show("artefact", maps)


if __name__ == "__main__":
    main()
