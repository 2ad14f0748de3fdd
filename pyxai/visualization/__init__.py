"""What neurons and their attributions look like: the mathematics of attribution visualization.

Shi, Li & Yamaguchi 2023, "Understanding contributing neurons via attribution visualization", Neurocomputing.
The method ``attribution_visualization`` takes these as options.
"""

from pyxai.visualization.area import otsu_area, otsu_threshold
from pyxai.visualization.colour import mixing_of
from pyxai.visualization.noise import fractal_amplitudes, fractal_noise
from pyxai.visualization.progress import told
from pyxai.visualization.transforms import Transforms
from pyxai.visualization.visualize import Visualization, Visualized

__all__ = [
    "Transforms",
    "Visualization",
    "Visualized",
    "fractal_amplitudes",
    "fractal_noise",
    "mixing_of",
    "otsu_area",
    "otsu_threshold",
    "told",
]
