"""``timm:NAME``: models of timm, with the preprocessing their publishers state."""

from __future__ import annotations

from typing import Any

from torch import nn

from pyxai.engine.data.called import Called, Preprocessing
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.errors import InputError
from pyxai.engine.models.hub import need, publishing

KEYS = {"input_size", "interpolation", "mean", "std", "crop_pct", "crop_mode"}
"""What a ``data_config`` of timm says."""


def timm_model(name: str, weights: str) -> tuple[nn.Module, Preprocessing]:
    """``timm.create_model``, pretrained where ``weights`` is "", random where it is ``none``.

    Where pictures are squashed or framed in place of cropped, timm's own transform is called.
    """
    spec = f"timm:{name}"
    timm = need("timm", spec)
    if weights not in ("", "none"):
        raise InputError(f"model {spec!r}: weights are a file or none, got {weights!r}")
    with publishing(spec):
        model = timm.create_model(name, pretrained=not weights)
    if weights:
        model.class_names = []  # whatever is loaded, it is not what the name's tag tells of
    config = timm.data.resolve_data_config({}, model=model)
    if config.get("crop_mode", "center") != "center":
        return model.eval(), Called(timm.data.create_transform(**config, is_training=False), spec)
    return model.eval(), of_timm(config)


def of_timm(config: dict[str, Any]) -> Preprocess:
    """What a ``data_config`` says: of the resized picture's centre the share ``crop_pct`` is seen.

    Raises:
        InputError: it asks for another part than the centre.
    """
    if config.get("crop_mode", "center") != "center":
        raise InputError(
            f"crop_mode {config['crop_mode']!r} is not known: return timm.data.create_transform(…)"
        )
    side = config["input_size"][-1]
    return Preprocess(
        resize=int(side / config["crop_pct"]),
        crop=side,
        mean=config["mean"],
        std=config["std"],
        interpolation=config["interpolation"],
    )
