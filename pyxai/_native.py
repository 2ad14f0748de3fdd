"""The compiled module, if there is one. Nothing else imports ``pyxai._C``."""

import warnings

import numpy as np
import torch  # the compiled module needs libtorch loaded

try:
    from pyxai import _C
except ImportError as error:
    _C = None
    missing: str | None = f"{type(error).__name__}: {error}"
    warnings.warn(
        f"pyxai runs without its compiled module and is slower ({error}). "
        "Build it with: python -m pip install --no-build-isolation -e . (needs a C++17 compiler)",
        stacklevel=2,
    )
else:
    missing = None


def build_info() -> dict[str, str]:
    """What was compiled in, or an empty dict without the compiled module.

    Keys: ``compiler``, ``cuda_archs`` (``""`` if built without CUDA kernels) and ``instruction_set`` (the one
    in use on this CPU).
    """
    return _C.build_info() if _C else {}


def barrier_distances(images: np.ndarray, exact: bool) -> np.ndarray:
    """Minimum barrier distance of every pixel to the border along the minimum spanning tree.

    Args:
        images: uint8 (N, H, W, C), C at most 4. An edge's weight and a path's barrier are the largest over
            the channels.
        exact: walk every path from every border pixel, instead of two passes over the tree.

    Returns uint8 (N, H, W). Images are shared out over torch's threads.
    """
    return _grid("barrier_distances", images, exact)


def spanning_trees(images: np.ndarray) -> np.ndarray:
    """The trees of :func:`barrier_distances`: int32 (N, H W), each pixel's parent, -1 for pixel 0."""
    return _grid("spanning_trees", images)


def _grid(name: str, images: np.ndarray, *options) -> np.ndarray:
    if _C is None:
        raise RuntimeError(f"{name} needs the compiled module, which is missing ({missing})")
    if images.dtype != np.uint8 or images.ndim != 4 or not 1 <= images.shape[3] <= 4 or 0 in images.shape[1:]:
        found = f"{images.dtype} of shape {images.shape}"
        raise ValueError(f"{name}: `images` must be uint8 of shape (N, H, W, 1 to 4), got {found}")
    if images.shape[1] * images.shape[2] >= 2**30:
        raise ValueError(f"{name}: `images` must have fewer than 2^30 pixels, got {images.shape[1:3]}")
    return getattr(_C, name)(np.ascontiguousarray(images), *options, torch.get_num_threads())
