"""The compiled module, if there is one. Nothing else imports ``pyxai._C``."""

import warnings

import torch  # noqa: F401  (the compiled module needs libtorch loaded)

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
