"""How good explanations are, in numbers: one for each image, in float64.

    pyxai.metrics.deletion(model, images, maps)  # the score as the most relevant pixels go
    pyxai.metrics.energy_inside(maps, masks)     # how much of each map lies where the object is
    pyxai.metrics.pearson(maps, other_maps)      # how far two maps of each image agree
    pyxai.metrics.classification_consistency(model, pictures, classes)  # of visualizations

Where there is no number, as of a map that is the same everywhere, it is NaN. Maps with NaN or infinity, or of
another size than the image, are errors. :mod:`pyxai.metrics.decomposition` measures how well a part of an
image holds what a classifier goes by.
"""

from pyxai.metrics import decomposition
from pyxai.metrics.agreement import pearson, similarity
from pyxai.metrics.faithfulness import deletion, insertion
from pyxai.metrics.localisation import energy_inside, pointing_game
from pyxai.metrics.visualizations import (
    among_best,
    classification_consistency,
    scores_of_attributions,
    visualization_correlation,
)

__all__ = [
    "among_best",
    "classification_consistency",
    "decomposition",
    "deletion",
    "energy_inside",
    "insertion",
    "pearson",
    "pointing_game",
    "scores_of_attributions",
    "similarity",
    "visualization_correlation",
]
