"""What neurons and their attributions look like: the mathematics of attribution visualization.

Shi, Li & Yamaguchi 2023, "Understanding contributing neurons via attribution visualization", Neurocomputing.
The method ``attribution_visualization`` takes these as options.
"""

from pyxai.visualization.area import otsu_area, otsu_threshold
from pyxai.visualization.colour import mixing_of
from pyxai.visualization.factors import factorize
from pyxai.visualization.fill import FILLS
from pyxai.visualization.groups import channel_groups
from pyxai.visualization.noise import fractal_amplitudes, fractal_noise
from pyxai.visualization.progress import told
from pyxai.visualization.transforms import Transforms
from pyxai.visualization.visualize import Visualization, Visualized
from pyxai.visualization.weights import check_channels, only_channels, strongest_channels

__all__ = [
    "FILLS",
    "Transforms",
    "Visualization",
    "Visualized",
    "channel_groups",
    "check_channels",
    "factorize",
    "fractal_amplitudes",
    "fractal_noise",
    "mixing_of",
    "only_channels",
    "otsu_area",
    "otsu_threshold",
    "strongest_channels",
    "told",
]
