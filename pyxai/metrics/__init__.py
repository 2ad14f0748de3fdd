"""How good explanations are, in numbers.

    pyxai.metrics.pearson(maps, other_maps)      # (N,): how far two maps of each image agree

:mod:`pyxai.metrics.decomposition` measures how well a part of an image holds what a
classifier goes by.
"""

from pyxai.metrics import decomposition
from pyxai.metrics.agreement import pearson

__all__ = ["decomposition", "pearson"]
