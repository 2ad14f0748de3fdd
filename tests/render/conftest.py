"""What is drawn."""

import pytest
from PIL import ImageDraw


@pytest.fixture
def written(monkeypatch):
    """Every text that is drawn, with its place."""
    texts, draw = [], ImageDraw.ImageDraw.text

    def listen(self, place, text, *how, **options):
        texts.append((place, text))
        draw(self, place, text, *how, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", listen)
    return texts
