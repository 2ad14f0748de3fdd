"""Small surveys with pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

METHODS = ("pyramid", "gaussian", "blur", "<i>lrp</i>")
CLASSES = ("Siamese <cat>", 'Tabby "cat" & co')


def picture(folder: Path, name: str, size: int = 8) -> str:
    """A picture of noise; its name."""
    pixels = np.random.default_rng(sum(name.encode())).integers(0, 256, (size, size, 3), np.uint8)
    Image.fromarray(pixels).save(folder / name)
    return name


def choices(folder: Path, *names: str) -> list[dict]:
    return [{"name": name, "references": [picture(folder, f"ref{i}.png")]} for i, name in enumerate(names)]


def preference(folder: Path, questions: int = 2) -> dict:
    """What a file of a survey of preference holds."""
    return {
        "kind": "preference",
        "title": "Clear </script> explanations",
        "questions": [
            {
                "id": f"image {number}",
                "picture": picture(folder, f"image{number}.png"),
                "classes": choices(folder, *CLASSES),
                "explanations": [
                    {
                        "method": method,
                        "pictures": [
                            [picture(folder, f"{number}-{k}-{c}-{part}.png") for part in "ab"]
                            for c in range(len(CLASSES))
                        ],
                    }
                    for k, method in enumerate(METHODS)
                ],
            }
            for number in range(questions)
        ],
    }


def meaning(folder: Path) -> dict:
    """What a file of a survey of meaning holds: three questions by two methods."""
    names = ("strawberry", "banana", "plate")
    return {
        "kind": "meaning",
        "title": "What is it?",
        "questions": [
            {
                "id": f"q{number}",
                "picture": picture(folder, f"q{number}.png"),
                "classes": choices(folder, *names),
                "method": ("pyramid", "lrp", "pyramid")[number],
                "answer": names[number],
            }
            for number in range(3)
        ],
    }


@pytest.fixture
def stored(tmp_path):
    """Writes a survey's file: its place."""

    def write(document: object) -> Path:
        place = tmp_path / "survey.json"
        place.write_text(json.dumps(document))
        return place

    return write
