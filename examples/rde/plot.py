"""Rate–distortion curves, drawn with Pillow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SIZE, LEFT, TOP, RIGHT, BOTTOM = (640, 440), 70, 30, 610, 380
INK, PALE = (25, 25, 28), (220, 220, 226)
COLOURS = ((31, 119, 180), (214, 39, 40), (44, 160, 44), (148, 103, 189))


def plot(path: Path, curves: Mapping[str, Sequence[tuple[float, float, str]]]) -> None:
    """Write curves of points (kept fraction, distortion, label) to ``path``; fractions in decades."""
    points = [point for curve in curves.values() for point in curve]
    lowest = min(-1, math.floor(math.log10(min(kept for kept, _, _ in points))))
    highest = max(distortion for _, distortion, _ in points) or 1.0
    picture = Image.new("RGB", SIZE, "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(13)

    def place(kept: float, distortion: float) -> tuple[float, float]:
        share = 1 - math.log10(kept) / lowest
        return LEFT + share * (RIGHT - LEFT), BOTTOM - distortion / highest * (BOTTOM - TOP)

    for decade in range(lowest, 1):
        x, _ = place(10.0**decade, 0)
        draw.line((x, TOP, x, BOTTOM), PALE)
        draw.text((x, BOTTOM + 6), f"{10.0**decade:g}", INK, font, anchor="mt")
    for tick in range(5):
        _, y = place(1, highest * tick / 4)
        draw.line((LEFT, y, RIGHT, y), PALE)
        draw.text((LEFT - 6, y), f"{highest * tick / 4:.2g}", INK, font, anchor="rm")
    draw.text(((LEFT + RIGHT) / 2, BOTTOM + 28), "kept fraction", INK, font, anchor="mt")
    draw.text((LEFT, TOP - 8), "distortion", INK, font, anchor="ls")
    for number, ((name, curve), colour) in enumerate(zip(curves.items(), COLOURS, strict=False)):
        draw.line([place(kept, distortion) for kept, distortion, _ in curve], colour, 2)
        for kept, distortion, label in curve:
            x, y = place(kept, distortion)
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), colour)
            draw.text((x + 5, y - 5), label, colour, font, anchor="ls")
        draw.text((RIGHT - 6, TOP + 6 + 18 * number), name, colour, font, anchor="rt")
    picture.save(path)
