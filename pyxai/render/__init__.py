"""From heat maps to pictures, with numpy and Pillow only."""

from pyxai.render.colour import COLOUR_MAPS, colour_map
from pyxai.render.gallery import gallery
from pyxai.render.names import read_class_names
from pyxai.render.picture import colourise, overlay
from pyxai.render.sheet import Row, contact_sheet, sheet_of

__all__ = [
    "COLOUR_MAPS",
    "Row",
    "colour_map",
    "colourise",
    "contact_sheet",
    "gallery",
    "overlay",
    "read_class_names",
    "sheet_of",
]
