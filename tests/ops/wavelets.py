"""Discrete wavelets for the tests of both transforms, and how near float32 and float64 must come."""

import pywt
import torch

# fmt: off
WAVELETS = [
    "haar", "db2", "db3", "db4", "db5", "db7", "db10", "db20", "db38", "sym2", "sym5", "sym8", "sym20",
    "coif1", "coif5", "bior2.2", "bior4.4", "bior6.8", "rbio3.3", "dmey",
]
# fmt: on
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-6}


def filters(wavelet, way, dtype=torch.float64):
    """The analysis filters (``way`` "dec") or the synthesis filters ("rec") of a wavelet, (2, F)."""
    w = pywt.Wavelet(wavelet)
    pair = (w.dec_lo, w.dec_hi) if way == "dec" else (w.rec_lo, w.rec_hi)
    return torch.tensor(pair, dtype=dtype)
