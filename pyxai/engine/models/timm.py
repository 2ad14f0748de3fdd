"""``timm:NAME``: models of timm, with the preprocessing their publishers state."""

from __future__ import annotations

from torch import nn

from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.errors import InputError
from pyxai.engine.models.hub import need, publishing


def timm_model(name: str, weights: str) -> tuple[nn.Module, Preprocess]:
    """``timm.create_model``, pretrained where ``weights`` is "", random where it is ``none``."""
    spec = f"timm:{name}"
    timm = need("timm", spec)
    if weights not in ("", "none"):
        raise InputError(f"model {spec!r}: weights are a file or none, got {weights!r}")
    with publishing(spec):
        model = timm.create_model(name, pretrained=not weights)
    if weights:
        model.class_names = []  # whatever is loaded, it is not what the name's tag tells of
    config = timm.data.resolve_data_config({}, model=model)
    side = config["input_size"][-1]
    preprocess = Preprocess(
        resize=int(side / config["crop_pct"]),
        crop=side,
        mean=config["mean"],
        std=config["std"],
        interpolation=config["interpolation"],
    )
    return model.eval(), preprocess
