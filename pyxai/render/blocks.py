"""The maps and predictions of a transformer's blocks on a sheet."""

from __future__ import annotations

from typing import Any

from PIL import Image

from pyxai.render.pixels import pixels_of, space_of
from pyxai.render.sheet import Row, contact_sheet, label_of, score_name


def block_sheet(
    explanation: Any, *, preprocess: Any = None, title: str | None = None, **options: Any
) -> Image.Image:
    """The contact sheet of what each block of a transformer has: its map, and the score of its tokens.

    Args:
        explanation: of ``legrad``, whose ``extras`` have ``block_maps`` and ``block_scores``.
        preprocess: what the images went through, as for :func:`pyxai.render.sheet_of`.
        title: default the method's name.
        options: ``path``, ``cmap`` and ``percentile``, as for :func:`pyxai.render.contact_sheet`.

    Raises:
        ValueError: the explanation has no blocks, or one target more than each image's one.
    """
    maps, scores = (explanation.extras.get(name) for name in ("block_maps", "block_scores"))
    if maps is None or scores is None:
        raise ValueError(
            f"`explanation` must have maps of blocks, as legrad's, got one of {explanation.method}"
        )
    if scores.ndim != 2:
        raise ValueError(f"`explanation` must have one target for each image, got {scores.shape[1]}")
    space, depth = None if preprocess is None else space_of(preprocess), scores.shape[1]
    name, rows = score_name(explanation), []
    for number, image in enumerate(explanation.images):
        pixels, label = pixels_of(image, space), label_of(explanation, int(explanation.target[number]), {})
        for block in range(depth):
            heatmap, score = maps[number, block].detach().float().cpu().numpy(), float(scores[number, block])
            rows.append(Row(pixels, heatmap, f"{label}, block {block - depth}", score, score_name=name))
    title = explanation.method if title is None else title
    return contact_sheet(rows, title=title, per_image=depth, **options)
