"""CartoonX and Pixel RDE under other prices, obfuscations and distortions (CartoonX, figures 7, 8 and 9)."""

from __future__ import annotations

from examples.rde.common import heatmaps, opened, parser

PRICES = {"cartoonx": (0.0, 5.0, 20.0, 40.0, 80.0), "pixel_rde": (0.0, 1.0, 3.0, 10.0, 20.0)}


def main() -> None:
    made = parser(__doc__, 3)
    photographs = opened(made.parse_args())
    for method, prices in PRICES.items():
        maps = {}
        print(f"{method}: λk, distortion, kept fraction, p(target) under the mask by that of the image")
        for price in prices:
            found = photographs.explain(method, sparsity=price)
            maps[f"λk = {price:g}"] = heatmaps(found)
            x = found.extras
            ratio = x["probability"] / x["image_probability"]
            figures = (values.mean().item() for values in (x["distortion"], x["kept"], ratio))
            print(f"  {price:5g} {next(figures):.4f} {next(figures):.4f} {next(figures):.3f}")
        photographs.show(f"price_{method}", maps)
    for option, values in (
        ("obfuscation", ("gaussian", "uniform", "zero", "blur")),
        ("distortion", ("label", "maximise_label", "l2", "kl")),
    ):
        maps = {value: heatmaps(photographs.explain("cartoonx", **{option: value})) for value in values}
        photographs.show(option, maps)


if __name__ == "__main__":
    main()
