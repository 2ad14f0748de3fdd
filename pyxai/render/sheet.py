"""The contact sheet: input, heat map and overlay of many images, with what was explained and how well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pyxai.render import clip
from pyxai.render.colour import colour_map
from pyxai.render.picture import colourise, fit, overlay, resized
from pyxai.render.pixels import pixels_of, space_of
from pyxai.render.write import write

TILE = 168
GAP = 4
MARGIN = 20
_CAPTION = 40
_HEADER = 62
INK, _SOFT = (25, 25, 28), (110, 110, 118)
_WIDEST = 5  # cards on a line, as many as "top5" has
_LONGEST = 300  # characters of a text that are looked at: no sheet is wide enough for more
ZERO = "zero map"
"""What is said of a map that is zero throughout, where nothing can be seen of it."""


@dataclass(frozen=True)
class Row:
    """One explanation on a sheet.

    Attributes:
        image: uint8 (H, W, 3), of a clip (T, H, W, 3); None where only the map is to be shown.
        heatmap: (h, w), of a clip (t, h, w), signed or not.
        label: the class explained.
        score: the model's output for it.
        residual: how far the map's sum is from what it must be, as a share; None where no axiom says.
        score_name: what the score is: a score, a probability, a value.
        name: of the image, below all this, as its row and its file.
        failed: why there is no map; "" where there is one. Of ``heatmap`` only the shape counts then.
    """

    image: np.ndarray | None
    heatmap: np.ndarray
    label: str = ""
    score: float | None = None
    residual: float | None = None
    score_name: str = "score"
    name: str = ""
    failed: str = ""


def label_of(explanation: Any, target: int, classes: Mapping[int, str], prefix: str = "") -> str:
    """What is explained, in a few words: a class by its name or number, a callable, or the only output."""
    if explanation.target_name is not None:
        return explanation.target_name
    if explanation.output_kind == "value":
        return "output"
    return classes.get(target) or explanation.class_names.get(target) or f"{prefix}{target}"


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
    per_image: int = 1,
) -> Image.Image:
    """Draw ``rows`` as cards of three pictures, and write them to ``path`` if one is given.

    A clip has a line of frames, evenly chosen where it has more than eight, in place of a picture. Each
    map is scaled by itself. With "jet" and "gray", maps without negative values use all the colours. One that
    is zero throughout is called a zero map.

    Args:
        rows: what is drawn, in this order.
        path: a picture file.
        title: above all.
        cmap, percentile: as for :func:`pyxai.render.colourise`.
        per_image: how many neighbouring ``rows`` are of one image. They stay together: up to five on one
            line, more on lines of their own.

    Raises:
        ValueError: ``rows`` is empty or holds both pictures and clips, ``per_image`` is not positive, no such
            ``cmap``, or the ending of ``path`` is of no format.
    """
    if not rows:
        raise ValueError("`rows` must have at least one row")
    if per_image < 1:
        raise ValueError(f"`per_image` must be at least 1, got {per_image}")
    card = _Card.of(rows)
    columns, places = (1, range(len(rows))) if card.clips else _places(len(rows), per_image)
    lines = 1 + places[-1] // columns
    width = 2 * MARGIN + columns * card.width + (columns - 1) * 2 * MARGIN
    height = _HEADER + lines * (card.height + _CAPTION) + MARGIN // 2
    sheet = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    signed = any((row.heatmap < 0).any() for row in rows)
    _header(sheet, draw, title, cmap, signed, card)
    for place, row in zip(places, rows, strict=True):
        line, column = divmod(place, columns)
        left = MARGIN + column * (card.width + 2 * MARGIN)
        top = _HEADER + line * (card.height + _CAPTION)
        for (down, across), picture in _pictures(row, cmap, percentile).items():
            sheet.paste(picture, (left + across * (TILE + GAP), top + down * (TILE + GAP)))
        _caption(draw, left, top + card.height + 4, card.width, row)
    if path is not None:
        write(sheet, path)
    return sheet


@dataclass(frozen=True)
class _Card:
    """What the cards of a sheet are.

    Attributes:
        clips: whether they are of clips, a line of frames for each of what is shown of them.
        alone: whether the maps are shown without images.
        across, down: how many tiles they are wide and high.
    """

    clips: bool
    alone: bool
    across: int = 3
    down: int = 1

    @classmethod
    def of(cls, rows: Sequence[Row]) -> _Card:
        kinds, alone = {row.heatmap.ndim for row in rows}, all(row.image is None for row in rows)
        if len(kinds) > 1:
            raise ValueError("`rows` must hold pictures or clips, got both")
        if kinds == {2}:
            return cls(False, alone)
        counts = (len(row.heatmap if row.image is None else row.image) for row in rows)
        return cls(True, alone, len(clip.shown(max(counts))), 1 if alone else 3)

    @property
    def width(self) -> int:
        return self.across * (TILE + GAP) - GAP

    @property
    def height(self) -> int:
        return self.down * (TILE + GAP) - GAP


def _places(count: int, per_image: int) -> tuple[int, list[int]]:
    """The number of columns, and each card's place, counted line by line."""
    usual = 1 if count <= 3 else 2 if count <= 16 else 3
    if per_image <= _WIDEST:
        columns = max(per_image, usual // per_image * per_image)
        return columns, list(range(count))
    lines = -(-per_image // _WIDEST)
    columns = -(-per_image // lines)
    images = (divmod(number, per_image) for number in range(count))
    return columns, [image * lines * columns + number for image, number in images]


def sheet_of(
    explanation: Any,
    classes: Mapping[int, str] | Sequence[str] | None = None,
    *,
    images: Any = None,
    preprocess: Any = None,
    title: str | None = None,
    **options: Any,
) -> Image.Image:
    """The contact sheet of an explanation; one card for each image and target.

    Args:
        explanation: a ``pyxai.Explanation``.
        classes: names of classes, in order or by number, before those that the explanation has.
        images: what is shown beside the maps, one for each image: the model's inputs (N, C, H, W), or
            pictures of the same part, each one of Pillow's or a uint8 array (H, W, 3). None takes the inputs
            that the explanation has; where it has none, the maps are shown alone.
        preprocess: what the inputs went through, so that they are shown as the pictures they were: mean and
            std are taken back, and BGR is turned. See :func:`pyxai.render.pixels.space_of` for what it may
            be. None shows inputs in [0, 1] as they are and stretches each other one to its range.
        title: default the method's name.
        options: ``path``, ``cmap`` and ``percentile``, as for :func:`contact_sheet`.

    Raises:
        ValueError: not one of ``images`` for each image, a ``preprocess`` that says nothing of the input, or
            fewer ``classes`` in order than there are.
    """
    space = None if preprocess is None else space_of(preprocess)
    shown = explanation.images if images is None else images
    if shown is not None and len(shown) != len(explanation):
        raise ValueError(f"`images` must hold {len(explanation)}, one for each, got {len(shown)}")
    named = dict(classes) if isinstance(classes, Mapping) else dict(enumerate(classes or ()))
    if classes and not isinstance(classes, Mapping) and explanation.target is not None and len(explanation):
        largest = int(explanation.target.max())
        if largest >= len(named):
            wanted = "name every class in order, or some by number"
            raise ValueError(f"`classes` must {wanted}, got {len(named)} names and class {largest}")
    rows = []
    for number in range(len(explanation)):
        pixels = None if shown is None else pixels_of(shown[number], space)
        rows += rows_of(explanation[number], pixels, named)
    title = explanation.method if title is None else title
    return contact_sheet(rows, title=title, per_image=len(rows) // max(1, len(explanation)), **options)


def rows_of(
    explanation: Any,
    image: np.ndarray | None,
    classes: Mapping[int, str],
    prefix: str = "",
    label: str = "",
    name: str = "",
) -> list[Row]:
    """The cards of an explanation of one image, one for each target.

    Args:
        explanation: a ``pyxai.Explanation`` of length one.
        image: uint8 (H, W, 3), of a clip (T, H, W, 3), or None.
        classes: class to name.
        prefix: before the number of a class without a name.
        label: of a method that has no targets.
        name: of the image.
    """
    maps = explanation.heatmap()[0].detach().float().cpu().numpy()
    (unexplained,) = explanation.unexplained or ("",)
    if explanation.target is None:
        return [Row(image, maps, label, name=name, failed=unexplained)]
    maps = maps.reshape(-1, *maps.shape[explanation.target.ndim - 1 :])
    if unexplained:
        return [Row(image, heatmap, name=name, failed=unexplained) for heatmap in maps]
    targets, scores = explanation.target[0].reshape(-1).tolist(), explanation.score[0].reshape(-1).tolist()
    known = explanation.residual
    residuals = [None] * len(maps) if known is None else known[0].reshape(-1).tolist()
    labels = [label_of(explanation, target, classes, prefix) for target in targets]
    kind = score_name(explanation)
    return [Row(image, *card, kind, name) for card in zip(maps, labels, scores, residuals, strict=True)]


def _pictures(row: Row, cmap: str, percentile: float) -> dict[tuple[int, int], Image.Image]:
    """The pictures of a card by their place, down and across; without a map that of the input alone."""
    if row.failed:
        picture = row.image is not None and row.image.ndim == 3
        return {(0, 0): tile(row.image)} if picture else {}
    symmetric = cmap == "diverging" or bool((row.heatmap < 0).any())
    if row.heatmap.ndim == 3:
        lines = clip.lines(row.image, row.heatmap, cmap, symmetric, percentile)
        return {(i, j): tile(frame) for i, line in enumerate(lines) for j, frame in enumerate(line)}
    if row.image is None:
        return {(0, 1): tile(colourise(row.heatmap, cmap, symmetric, percentile))}
    heat = colourise(fit(row.heatmap, row.image.shape[:2]), cmap, symmetric, percentile)
    over = overlay(row.image, row.heatmap, cmap, symmetric, percentile)
    return {(0, place): tile(found) for place, found in enumerate((row.image, heat, over))}


def tile(pixels: np.ndarray) -> Image.Image:
    """Fitted into a square tile; small pictures keep their pixels visible."""
    picture = Image.fromarray(resized(pixels, TILE))
    tile = Image.new("RGB", (TILE, TILE), (240, 240, 242))
    tile.paste(picture, ((TILE - picture.width) // 2, (TILE - picture.height) // 2))
    return tile


def font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def shortened(draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """``text`` on one line of at most ``width`` pixels."""
    text = " ".join(text[:_LONGEST].split())
    if draw.textlength(text, font) <= width:
        return text
    while text and draw.textlength(text + "...", font) > width:
        text = text[:-1]
    return text + "..."


def _caption(draw: ImageDraw.ImageDraw, left: int, top: int, width: int, row: Row) -> None:
    numbers = [] if row.failed or row.heatmap.any() else [ZERO]
    if row.score is not None:
        numbers.append(f"{row.score_name} {row.score:.4g}")
    if row.residual is not None:
        numbers.append(f"residual {100 * row.residual:.2g} %")
    small, large = font(13), font(15)
    text = "   ".join(numbers)
    taken = draw.textlength(text, small)
    draw.text((left + width - taken, top + 2), text, _SOFT, small)
    label = row.failed or row.label
    draw.text((left, top), shortened(draw, label, large, width - taken - 12), INK, large)
    if row.name:
        draw.text((left, top + 18), shortened(draw, row.name, small, width), _SOFT, small)


def _header(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, title: str, cmap: str, signed: bool, card: _Card
) -> None:
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
    if card.clips:
        text = "heat map" if card.alone else "input, heat map and overlay"
        draw.text((MARGIN, 40), f"frames of the {text}", _SOFT, small)
        return
    names = ("", "heat map", "") if card.alone else ("input", "heat map", "overlay")
    for left in range(MARGIN, sheet.width - card.width, card.width + 2 * MARGIN):
        for place, name in enumerate(names):
            draw.text((left + place * (TILE + GAP), 40), name, _SOFT, small)
