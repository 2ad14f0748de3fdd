"""Fits the inverse normal distribution function behind ``pyxai.ops.normal_noise``.

With q the smaller tail probability, x = 1 - 2q and w = -log2(1 - x²), the quotient z / x is smooth in w on
[0, 31] (the range 32-bit uniforms reach), so one rational function serves centre and tails: z = x · N(w) /
D(w). All coefficients come out positive, so float32 evaluation loses nothing to cancellation. log2 of a
mantissa in [√½, √2) is a polynomial.

Both fits minimise the largest relative error by Lawson's reweighted least squares. The printed coefficients
stand in csrc/kernels/normal_noise.h and pyxai/ops/normal_noise.py, lowest power first.
"""

import numpy as np
from scipy.special import ndtri

NUMERATOR, DENOMINATOR, LOGARITHM = 6, 5, 6  # degrees


def lawson(columns, target, scale_of, rounds=500):
    """Coefficients c with columns(c) @ c ~ target, smallest largest relative error."""
    weight = np.ones_like(target)
    scale = np.ones_like(target)
    best, best_error = None, np.inf
    for _ in range(rounds):
        rows = columns * (np.sqrt(weight) / (target * scale))[:, None]
        unit = np.abs(rows).max(0)
        c = np.linalg.lstsq(rows / unit, np.sqrt(weight) / scale, rcond=None)[0] / unit
        scale = scale_of(c)
        error = np.abs((columns @ c - target) / (target * scale))
        if error.max() < best_error:
            best, best_error = c, error.max()
        weight *= error / error.max() + 1e-3
        weight /= weight.mean()
    return best, best_error


def powers(t, degrees):
    return t[:, None] ** np.asarray(degrees)


def fit_quotient():
    q = np.concatenate([np.exp2(-np.linspace(1.0001, 33, 4000)), 0.5 - np.exp2(-np.linspace(2, 20, 1500))])
    x = 1 - 2 * q
    w = -np.log2(4 * q) - np.log1p(-q) / np.log(2)
    f = -ndtri(q) / x
    t = w / 32
    # N - f (D - 1) = f is linear in the coefficients; dividing by D turns its error into that of N / D.
    columns = np.hstack([powers(t, range(NUMERATOR + 1)), -f[:, None] * powers(t, range(1, DENOMINATOR + 1))])

    def denominator(c):
        return 1 + powers(t, range(1, DENOMINATOR + 1)) @ c[NUMERATOR + 1 :]

    c, error = lawson(columns, f, denominator)
    c /= 32.0 ** np.concatenate([np.arange(NUMERATOR + 1), np.arange(1, DENOMINATOR + 1)])
    return c[: NUMERATOR + 1], np.concatenate([[1.0], c[NUMERATOR + 1 :]]), error


def fit_logarithm():
    m = np.linspace(np.sqrt(0.5), np.sqrt(2), 4000)
    f = m - 1
    f[np.abs(f) < 1e-6] = 1e-6
    c, error = lawson(powers(f, range(LOGARITHM + 1)), np.log1p(f) / np.log(2) / f, lambda c: np.ones_like(f))
    return c, error


def show(name, coefficients):
    print(name, ", ".join(str(value) for value in np.asarray(coefficients, np.float32)))


if __name__ == "__main__":
    numerator, denominator, error = fit_quotient()
    show("numerator  ", numerator)
    show("denominator", denominator)
    print(f"largest relative error {error:.1e}")
    logarithm, error = fit_logarithm()
    show("log2(1+f)/f", logarithm)
    print(f"largest relative error {error:.1e}")
