"""From heat maps to pictures, with numpy and Pillow only.

    pyxai.render.overlay(image, heatmap)         # uint8 (H, W, 3): the map's colours over the image
    pyxai.render.sheet_of(explanation)           # images, maps and overlays with scores, a PIL.Image
    pyxai.render.block_sheet(explanation)        # legrad's map and prediction of each block
    pyxai.render.gallery(images, {"lrp": maps, "saliency": others})      # a column for each method
    pyxai.render.picture_grid({"layer1": pictures, "layer2": others})          # pictures as they are

Images are uint8 (H, W, 3) arrays, heat maps (H, W) arrays of any range. Sheets take clips, too, (T, H, W, 3)
and (T, H, W).
"""

from pyxai.render.blocks import block_sheet
from pyxai.render.colour import COLOUR_MAPS, colour_map
from pyxai.render.gallery import gallery
from pyxai.render.grid import picture_grid
from pyxai.render.names import read_class_names
from pyxai.render.picture import colourise, overlay
from pyxai.render.sheet import Row, contact_sheet, sheet_of

__all__ = [
    "COLOUR_MAPS",
    "Row",
    "block_sheet",
    "colour_map",
    "colourise",
    "contact_sheet",
    "gallery",
    "overlay",
    "picture_grid",
    "read_class_names",
    "sheet_of",
]
