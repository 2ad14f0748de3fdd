"""What neurons and their attributions look like: the mathematics of attribution visualization.

Shi, Li & Yamaguchi 2023, "Understanding contributing neurons via attribution visualization", Neurocomputing.
"""

from pyxai.visualization.colour import mixing_of
from pyxai.visualization.noise import fractal_amplitudes, fractal_noise

__all__ = ["fractal_amplitudes", "fractal_noise", "mixing_of"]
