"""What the operators on planes of complex numbers share: values beyond the border, and a check."""

import torch
import torch.nn.functional as F
from torch import Tensor

from pyxai.ops import _rows


def pad(planes: Tensor, reach: int, border: str) -> Tensor:
    """Planes (N, H, W) with ``reach`` more values on each side; where too few can be mirrored, the last."""
    height, width = planes.shape[1:]
    places = []
    for length in (height, width):
        place = torch.arange(-reach, length + reach, device=planes.device)
        if border == "reflect":
            place = place.abs()
            place = length - 1 - (length - 1 - place).abs()
        places.append(place.clamp(0, length - 1))
    if border == "zero":
        return F.pad(planes, (reach,) * 4)
    return planes[:, places[0]][:, :, places[1]]


def check_complex(op: str, name: str, planes: Tensor) -> None:
    """``planes`` hold real and imaginary parts, (N, H, W, 2)."""
    _rows.check_floating(op, name, planes)
    _rows.check_data(op, name, planes)
    if planes.dim() != 4 or planes.shape[3] != 2:
        raise ValueError(f"{op}: `{name}` must have shape (N, H, W, 2), got {tuple(planes.shape)}")
