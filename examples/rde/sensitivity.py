"""CartoonX and Pixel RDE under other prices, obfuscations and distortions (CartoonX, figures 7, 8 and 9).

The prices also give the rate–distortion curve: means over the pictures, a point for each λk.
"""

from __future__ import annotations

from examples.rde.common import heatmaps, opened, parser
from examples.rde.plot import plot

PRICES = {"cartoonx": (0.0, 5.0, 20.0, 40.0, 80.0), "pixel_rde": (0.0, 1.0, 3.0, 10.0, 20.0)}


def main() -> None:
    made = parser(__doc__, 3)
    photographs = opened(made.parse_args())
    curves = {}
    for method, prices in PRICES.items():
        maps, curves[method] = {}, []
        print(f"{method}: λk, distortion, kept fraction, p(target) under the mask by that of the image")
        for price in prices:
            found = photographs.explain(method, sparsity=price)
            maps[f"λk = {price:g}"] = heatmaps(found)
            x = found.extras
            ratio = x["probability"] / x["image_probability"]
            distortion, kept, ratio = (v.mean().item() for v in (x["distortion"], x["kept"], ratio))
            print(f"  {price:5g} {distortion:.4f} {kept:.4f} {ratio:.3f}")
            curves[method].append((kept, distortion, f"{price:g}"))
        photographs.show(f"price_{method}", maps)
    path = photographs.out / "rate_distortion.png"
    plot(path, curves)
    print(path)
    for option, values in (
        ("obfuscation", ("gaussian", "uniform", "zero", "blur")),
        ("distortion", ("label", "maximise_label", "l2", "kl")),
    ):
        maps = {value: heatmaps(photographs.explain("cartoonx", **{option: value})) for value in values}
        photographs.show(option, maps)


if __name__ == "__main__":
    main()
