"""The contact sheet: input, heat map and overlay of many images, with what was explained and how well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pyxai.render.colour import colour_map
from pyxai.render.picture import colourise, fit, overlay

TILE = 168
GAP = 4
_CARD = 3 * TILE + 2 * GAP
MARGIN = 20
_CAPTION = 40
_HEADER = 62
INK, _SOFT = (25, 25, 28), (110, 110, 118)


@dataclass(frozen=True)
class Row:
    """One explanation on a sheet.

    Attributes:
        image: uint8 (H, W, 3).
        heatmap: (h, w), signed or not.
        label: the class explained.
        score: the model's output for it.
        residual: how far the map's sum is from what it must be, as a share; None where no axiom says.
        score_name: what the score is: a score, a probability, a value.
    """

    image: np.ndarray
    heatmap: np.ndarray
    label: str = ""
    score: float | None = None
    residual: float | None = None
    score_name: str = "score"


def label_of(explanation: Any, target: int, classes: Mapping[int, str], prefix: str = "") -> str:
    """What is explained, in a few words: a class by its name or number, a callable, or the only output."""
    if explanation.target_name is not None:
        return explanation.target_name
    if explanation.output_kind == "value":
        return "output"
    return classes.get(target, f"{prefix}{target}")


def score_name(explanation: Any) -> str:
    """What the numbers of an explanation's ``score`` are called."""
    names = {"probabilities": "probability", "value": "value", "binary": "logit"}
    return "value" if explanation.target_name else names.get(explanation.output_kind, "score")


def contact_sheet(
    rows: Sequence[Row],
    path: str | Path | None = None,
    *,
    title: str = "",
    cmap: str = "diverging",
    percentile: float = 99.5,
) -> Image.Image:
    """Draw ``rows`` as cards of three pictures, and write them to ``path`` if one is given.

    Each map is scaled by itself. With "jet" and "gray", maps without negative values use all the colours.
    """
    if not rows:
        raise ValueError("`rows` must have at least one row")
    columns = 1 if len(rows) <= 3 else 2 if len(rows) <= 16 else 3
    lines = -(-len(rows) // columns)
    width = 2 * MARGIN + columns * _CARD + (columns - 1) * 2 * MARGIN
    height = _HEADER + lines * (TILE + _CAPTION) + MARGIN // 2
    sheet = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    _header(sheet, draw, title, cmap, signed=any((row.heatmap < 0).any() for row in rows))
    for number, row in enumerate(rows):
        line, column = divmod(number, columns)
        left = MARGIN + column * (_CARD + 2 * MARGIN)
        top = _HEADER + line * (TILE + _CAPTION)
        for place, picture in enumerate(_pictures(row, cmap, percentile)):
            sheet.paste(picture, (left + place * (TILE + GAP), top))
        _caption(draw, left, top + TILE + 4, _CARD, row)
    if path is not None:
        sheet.save(path)
    return sheet


def sheet_of(
    explanation: Any, classes: Mapping[int, str] | None = None, *, title: str | None = None, **options: Any
) -> Image.Image:
    """The contact sheet of an explanation that has its images; one card for each image and target.

    Images are shown as the model got them, stretched to the range of each.

    Args:
        explanation: a ``pyxai.Explanation``.
        classes: class index to name.
        title: default the method's name.
        options: as for :func:`contact_sheet`.
    """
    if explanation.images is None:
        raise ValueError("the explanation has no images to show beside its maps")
    images = explanation.images.detach().float().cpu().numpy()
    heatmaps = explanation.heatmap().detach().float().cpu().numpy()
    rows = []
    for number, image in enumerate(images):
        pixels = _stretched(image)
        if explanation.target is None:
            rows.append(Row(pixels, heatmaps[number]))
            continue
        maps, targets, scores = (
            np.atleast_1d(value[number]) for value in (heatmaps, explanation.target, explanation.score)
        )
        maps = maps.reshape(-1, *maps.shape[-2:])
        residuals = None if explanation.residual is None else np.atleast_1d(explanation.residual[number])
        for place, heatmap in enumerate(maps):
            target = int(targets[place])
            label = label_of(explanation, target, classes or {})
            residual = None if residuals is None else float(residuals[place])
            name = score_name(explanation)
            rows.append(Row(pixels, heatmap, label, float(scores[place]), residual, name))
    return contact_sheet(rows, title=explanation.method if title is None else title, **options)


def _stretched(image: np.ndarray) -> np.ndarray:
    """(C, H, W) of any range to uint8 (H, W, 3)."""
    image = image if len(image) == 3 else np.repeat(image[:1], 3, axis=0)
    low, high = image.min(), image.max()
    scaled = (image - low) / (high - low) if high > low else np.zeros_like(image)
    return np.round(255 * scaled).astype(np.uint8).transpose(1, 2, 0)


def _pictures(row: Row, cmap: str, percentile: float) -> list[Image.Image]:
    symmetric = cmap == "diverging" or bool((row.heatmap < 0).any())
    size = row.image.shape[:2]
    heat = colourise(fit(row.heatmap, size), cmap, symmetric, percentile)
    over = overlay(row.image, row.heatmap, cmap, symmetric, percentile)
    return [tile(picture) for picture in (row.image, heat, over)]


def tile(pixels: np.ndarray) -> Image.Image:
    """Fitted into a square tile; small pictures keep their pixels visible."""
    picture = Image.fromarray(pixels)
    scale = TILE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    picture = picture.resize(size, Image.Resampling.NEAREST if scale >= 2 else Image.Resampling.LANCZOS)
    tile = Image.new("RGB", (TILE, TILE), (240, 240, 242))
    tile.paste(picture, ((TILE - size[0]) // 2, (TILE - size[1]) // 2))
    return tile


def font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def shortened(draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    if draw.textlength(text, font) <= width:
        return text
    while text and draw.textlength(text + "...", font) > width:
        text = text[:-1]
    return text + "..."


def _caption(draw: ImageDraw.ImageDraw, left: int, top: int, width: int, row: Row) -> None:
    numbers = []
    if row.score is not None:
        numbers.append(f"{row.score_name} {row.score:.4g}")
    if row.residual is not None:
        numbers.append(f"residual {100 * row.residual:.2g} %")
    small, large = font(13), font(15)
    text = "   ".join(numbers)
    taken = draw.textlength(text, small)
    draw.text((left + width - taken, top + 2), text, _SOFT, small)
    draw.text((left, top), shortened(draw, row.label, large, width - taken - 12), INK, large)


def _header(sheet: Image.Image, draw: ImageDraw.ImageDraw, title: str, cmap: str, signed: bool) -> None:
    """The title on the left, a key to the colours on the right, what the three pictures are below."""
    table = colour_map(cmap)
    if cmap == "diverging" and not signed:
        table = table[len(table) // 2 :]
    bar = Image.fromarray(table[None]).resize((120, 12))
    right = sheet.width - MARGIN
    high, low = ("for", "against") if signed else ("high", "low")
    small = font(13)
    end = right - draw.textlength(high, small)
    draw.text((end, 14), high, _SOFT, small)
    sheet.paste(bar, (int(end) - 128, 17))
    start = int(end) - 136 - draw.textlength(low, small)
    draw.text((start, 14), low, _SOFT, small)
    draw.text((MARGIN, 12), shortened(draw, title, font(17), start - 2 * MARGIN), INK, font(17))
    for left in range(MARGIN, sheet.width - _CARD, _CARD + 2 * MARGIN):
        for place, name in enumerate(("input", "heat map", "overlay")):
            draw.text((left + place * (TILE + GAP), 40), name, _SOFT, small)
