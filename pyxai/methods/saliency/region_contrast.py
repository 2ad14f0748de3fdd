"""Contrast between regions: :func:`pyxai.saliency.region_contrast`, asked for by name."""

from pyxai import saliency
from pyxai.methods.saliency.model_free import ModelFree


class RegionContrast(ModelFree, function=saliency.region_contrast):
    name = "region_contrast"
    host = "scikit-image finds the regions"
