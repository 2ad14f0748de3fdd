"""Classical saliency against OpenCV, scikit-image, torch and numpy, and `pyxai explain` without a model."""

from __future__ import annotations

import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

import pyxai
from benchmarks import harness
from benchmarks.bench_engine import unpacked
from benchmarks.harness import ROOT, Claim, Options, Results
from benchmarks.ops.local_entropy import cases as entropy_cases
from benchmarks.ops.spectral_energy import cases as energy_cases
from benchmarks.ops.spectral_energy import eager_energy
from benchmarks.ops.spectral_residual import cases as residual_cases
from benchmarks.ops.spectral_residual import eager_residual
from pyxai import saliency
from pyxai.bench import interleave
from pyxai.saliency.gbvs import activation_law, normalisation_law
from pyxai.saliency.planes import gaussian_taps, grey
from tests.saliency.test_gbvs import closeness

REPEATS = 10  # of calls that take a few milliseconds


def pictures(count: int, side: int, seed: int = 0) -> np.ndarray:
    """Smooth noise, uint8 (count, side, side, 3)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 16, 16, generator=generator)
    images = F.interpolate(coarse, (side, side), mode="bicubic")
    images += 0.1 * torch.randn(images.shape, generator=generator)
    return (images.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()


def tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous().float() / 255


def repeated(function, times: int = REPEATS):
    def run():
        for _ in range(times):
            function()

    return run


def timed(functions: dict, rounds: int, times: int = REPEATS) -> dict[str, list[float]]:
    """Seconds of one call, from `times` calls a measurement."""
    seconds = interleave({name: repeated(f, times) for name, f in functions.items()}, rounds)
    return {name: [value / times for value in values] for name, values in seconds.items()}


def against_opencv(results: Results, options: Options) -> None:
    """OpenCV gets pictures of 8 bits, and in a second run the float tensors that pyxai gets."""
    import cv2

    peer = cv2.saliency.StaticSaliencySpectralResidual_create()
    cv2.setNumThreads(torch.get_num_threads())

    def computed(pictures: np.ndarray) -> list[np.ndarray]:
        return [peer.computeSaliency(picture)[1] for picture in pictures]

    def converted(images: torch.Tensor) -> list[np.ndarray]:
        levels = (images * 255).round_().byte().flip(1)
        return computed(levels.permute(0, 2, 3, 1).contiguous().numpy())

    for side in (64, 224):
        pixels = pictures(64, side)
        images, swapped = tensor(pixels), np.ascontiguousarray(pixels[..., ::-1])
        functions = {
            "OpenCV": functools.partial(computed, swapped),
            "OpenCV, from tensors": functools.partial(converted, images),
            "pyxai": functools.partial(saliency.spectral_residual, images, variant="opencv"),
        }
        results.add(
            f"spectral residual, OpenCV's form (64² inside), 64 images of {side}²",
            timed(functions, options.rounds),
            Claim("pyxai", "OpenCV", 0.8),
            Claim("pyxai", "OpenCV, from tensors", 0.8),
        )
        difference = np.abs(functions["pyxai"]().numpy() - np.stack(computed(swapped))).max()
        results.state(
            f"spectral residual, largest difference from OpenCV at {side}²", difference, "", "<= 0.001"
        )


def against_torch(results: Results, options: Options) -> None:
    count = 4 if options.quick else 64
    images = tensor(pictures(count, 224))
    taps = gaussian_taps(2.5, 5).float()

    def batched() -> torch.Tensor:
        spectrum = torch.fft.fft2(grey(images))
        energy = eager_energy(torch.fft.ifft2(eager_residual(spectrum)), taps)
        low, high = energy.amin((1, 2), keepdim=True), energy.amax((1, 2), keepdim=True)
        return (energy - low) / (high - low)

    functions = {"torch.fft": batched, "pyxai": lambda: saliency.spectral_residual(images, size=None)}
    torch.testing.assert_close(functions["pyxai"](), batched(), atol=1e-3, rtol=0)
    results.add(
        f"spectral residual at its own size, {count} images of 224²",
        timed(functions, options.rounds, 1),
        Claim("pyxai", "torch.fft", 0.6),
    )


def limits(results: Results, options: Options) -> None:
    """The operators on data that stay in the caches, in shares of the bandwidth of a copy in memory.

    Where a half is not reached even there, arithmetic is the limit and not memory.
    """
    copy = harness.copy_bandwidth(rounds=options.rounds)
    for cases in (residual_cases, energy_cases, entropy_cases):
        case = next(cases("cpu"))
        seconds = interleave({"native": case.native}, options.rounds)["native"]
        rate = case.bytes / statistics.median(seconds)
        results.state(f"{case.what}, in the caches: bytes a second, of a copy's in memory", rate / copy)


def entropies(results: Results, options: Options) -> None:
    from skimage.filters import rank

    pixels = pictures(1, 256)[0, ..., 0].copy()
    images = torch.from_numpy(pixels)[None, None].float() / 255
    functions = {
        "scikit-image": lambda: rank.entropy(pixels, np.ones((9, 9), np.uint8)),
        "pyxai": lambda: saliency.entropy(images, radius=4),
    }
    difference = np.abs(functions["pyxai"]().numpy()[0] - functions["scikit-image"]()).max()
    results.state("entropy, largest difference from scikit-image", difference, "bit", "<= 1e-06")
    results.add(
        "entropy, 9×9, one image of 256²",
        timed(functions, options.rounds),
        Claim("pyxai", "scikit-image", 0.5),
    )


def walks(results: Results, options: Options) -> None:
    """One map of 28×32: both stationary laws, by power iteration to 1e-10 and in closed form, float64."""
    plane = torch.rand(1, 28, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    near, far = closeness(28, 32, 0.06), closeness(28, 32, 0.15)

    def power(weights: np.ndarray) -> np.ndarray:
        transition = weights / weights.sum(1, keepdims=True)
        law = np.full(len(weights), 1 / len(weights))
        while True:
            following = law @ transition
            if np.abs(following - law).sum() < 1e-10:
                return following
            law = following

    def iterated() -> np.ndarray:
        values = plane[0].flatten().numpy()
        return power(power(np.abs(values - values[:, None]) * far)[None] * near)

    functions = {
        "power iteration, numpy": iterated,
        "pyxai": lambda: normalisation_law(activation_law(plane)),
    }
    difference = np.abs(functions["pyxai"]().flatten().numpy() - iterated()).max()
    results.state("GBVS, largest difference from power iteration", difference, "", "<= 1e-08")
    results.add(
        "GBVS, both laws of a 28×32 map",
        timed(functions, options.rounds, 1),
        Claim("pyxai", "power iteration, numpy", 0.05),
    )


def every_method(results: Results, options: Options) -> None:
    """Images a second of each method at its defaults."""
    count = 2 if options.quick else 16
    images = tensor(pictures(count, 224))
    functions = {
        name: functools.partial(getattr(saliency, name), images) for name in pyxai.list_methods("saliency")
    }
    seconds = interleave(functions, options.rounds)
    results.add(f"every method, {count} images of 224²", seconds)
    for name, values in seconds.items():
        results.state(f"{name}, 224²", count / statistics.median(values), "images/s")


def command(data: Path, out: Path, method: str) -> dict:
    call = [sys.executable, "-m", "pyxai", "explain", "--quiet", "--data", str(data), "--method", method]
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    subprocess.run(
        [*call, "--out", str(out)], cwd=ROOT, env=os.environ | threads, check=True, capture_output=True
    )
    stores = [out] if (out / "runs.jsonl").exists() else [path.parent for path in out.glob("*/runs.jsonl")]
    records = [json.loads((store / "runs.jsonl").read_text().splitlines()[-1]) for store in stores]
    return {name: sum(record[name] for record in records) for name in ("images", "failed", "seconds")}


def data_sets(results: Results, options: Options, work: Path) -> None:
    cifar = unpacked("cifar10_test_2000.zip", work / "cifar", 128 if options.quick else None)
    imagenet = unpacked("imagenet_sample_50.zip", work / "imagenet", None)
    mixed = work / "mixed"
    mixed.mkdir()
    for number, path in enumerate(sorted(imagenet.rglob("*.jpg"))):
        picture = Image.open(path)
        picture.crop((0, 0, picture.width - number % 5 * 16, picture.height - number % 3 * 32)).save(
            mixed / f"{number:03d}.png"
        )
    for name, folder in (("CIFAR-10, 32²", cifar), ("ImageNet, 256²", imagenet), ("15 sizes", mixed)):
        for method in ("spectral_residual", "itti_koch"):
            record = command(folder, work / f"{folder.name}-{method}.zarr", method)
            what = f"pyxai explain --method {method}, {record['images']} images, {name}"
            results.state(what, record["images"] / record["seconds"], "images/s")
            assert not record["failed"]


def main() -> None:
    options = harness.options(__doc__)
    results = harness.begin("saliency", options)
    against_opencv(results, options)
    against_torch(results, options)
    limits(results, options)
    entropies(results, options)
    walks(results, options)
    every_method(results, options)
    with tempfile.TemporaryDirectory() as work:
        data_sets(results, options, Path(work))
    harness.finish(results, options)


if __name__ == "__main__":
    main()
