"""`pyxai explain` on folders of real photographs: its speed beside the same method called in memory, and
start-up.

Seconds are those the store itself records, from the first batch to the last commit; every run is a process of
its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import torch

import pyxai
from benchmarks import harness
from benchmarks.harness import ROOT, Claim, Options, Results
from pyxai.capture.rows import default_rows
from pyxai.engine.job import BATCH
from tests import zoo

AT_MOST = 1.11  # 90 % of the images per second
AT_MOST_ARRAY = 1.053  # 95 %
SECONDS_TO_RESUME = 2.0  # beyond the import of torch
RESNET20 = "tests/zoo.py:resnet20_cifar10"
METHODS = {"saliency": (), "integrated_gradients": ("tolerance=0.05",), "smoothgrad": ()}


def explain(
    spec: str, data: Path, out: Path, method: str, settings: tuple[str, ...], more: tuple[str, ...] = ()
) -> dict:
    """Run the command line; the record it leaves in the store: `images`, `seconds`, `startup`, ..."""
    command = [sys.executable, "-m", "pyxai", "explain", "--quiet", "--model", spec, "--data", str(data)]
    command += ["--method", method, "--out", str(out), *more]
    for setting in settings:
        command += ["--set", setting]
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    subprocess.run(command, cwd=ROOT, env=os.environ | threads, check=True, capture_output=True)
    return json.loads((out / "runs.jsonl").read_text().splitlines()[-1])


def unpacked(archive: str, folder: Path, count: int | None) -> Path:
    """The first `count` photographs of an archive (all: None) as a folder."""
    with zipfile.ZipFile(zoo.data_folder() / archive) as source:
        source.extractall(folder, sorted(source.namelist())[:count])
    return folder


def against_memory(results: Results, options: Options, work: Path) -> None:
    """ResNet-20, IG with 32 steps: the command line on a folder, and the explainer on ready tensors.

    Each round does one shard of the data set both ways, so that a change of the machine's load meets both.
    """
    count = 2 * BATCH * options.rounds if options.quick else 2000
    folder = unpacked("cifar10_test_2000.zip", work / "cifar", count)
    images, _ = zoo.cifar10_images(count)
    explainer = pyxai.Explainer(
        zoo.trained_resnet20(), "integrated_gradients", steps=32, rows=default_rows(images.shape)
    )
    explainer(images[:BATCH])
    seconds: dict[str, list[float]] = {"in memory": [], "pyxai explain": []}
    startup: list[float] = []
    for number in range(options.rounds):
        ready = images.split(BATCH)[number :: options.rounds]
        start = time.perf_counter()
        for part in ready:
            explainer(part)
        seconds["in memory"].append(time.perf_counter() - start)
        shard = ("--shard", f"{number}/{options.rounds}", "--resume")
        record = explain(RESNET20, folder, work / "run.zarr", "integrated_gradients", ("steps=32",), shard)
        seconds["pyxai explain"].append(record["seconds"])
        startup.append(sum(record["startup"].values()))
    what = f"IG, 32 steps, ResNet-20, {count} CIFAR-10 photographs"
    results.add(what, seconds, Claim("pyxai explain", "in memory", AT_MOST))
    results.state(f"{what}: start-up of `pyxai explain`", sorted(startup)[len(startup) // 2], "s")


def large_array(results: Results, options: Options, work: Path) -> None:
    """ResNet-20, saliency: 20 000 images of CIFAR's size in an array file, by whole runs; one that is done,
    continued.
    """
    copies = 1 if options.quick else 10
    folder = unpacked("cifar10_test_2000.zip", work / "cifar", None)
    pixels = (255 * pyxai.load_images(sorted(folder.rglob("*.jpg")))).round().to(torch.uint8)
    np.save(work / "pixels.npy", pixels.repeat(copies, 1, 1, 1).numpy())
    images, _ = zoo.cifar10_images()
    images = images.repeat(copies, 1, 1, 1)
    explainer = pyxai.Explainer(zoo.trained_resnet20(), "saliency", rows=default_rows(images.shape))
    explainer(images[:BATCH])
    seconds: dict[str, list[float]] = {"in memory": [], "pyxai explain": []}
    for number in range(options.rounds):
        start = time.perf_counter()
        for part in images.split(BATCH):
            explainer(part)
        seconds["in memory"].append(time.perf_counter() - start)
        record = explain(RESNET20, work / "pixels.npy", work / f"array{number}.zarr", "saliency", ())
        seconds["pyxai explain"].append(record["seconds"])
    what = f"saliency, ResNet-20, {len(images)} images of CIFAR's size from an .npy file"
    results.add(what, seconds, Claim("pyxai explain", "in memory", AT_MOST_ARRAY))

    beyond = []
    for _ in range(options.rounds):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import torch"], check=True)
        between = time.perf_counter()
        explain(RESNET20, work / "pixels.npy", work / "array0.zarr", "saliency", (), ("--resume",))
        beyond.append((time.perf_counter() - between) - (between - start))
    name = f"{what}: continuing a run that is done, beyond `import torch`"
    results.state(name, sorted(beyond)[len(beyond) // 2], "s", wanted=f"<= {SECONDS_TO_RESUME:g}")


def data_sets(results: Results, options: Options, work: Path) -> None:
    """Three methods on two data sets, once each."""
    few = 16 if options.quick else None
    for title, spec, archive in (
        ("ResNet-20, CIFAR-10", RESNET20, "cifar10_test_2000.zip"),
        ("SqueezeNet, ImageNet", "tests/zoo.py:squeezenet_imagenet", "imagenet_sample_50.zip"),
    ):
        folder = unpacked(archive, work / archive.removesuffix(".zip"), few)
        for method, settings in METHODS.items():
            out = work / f"{archive}-{method}.zarr"
            record = explain(spec, folder, out, method, settings)
            what = f"pyxai explain, {title}, {' '.join((method, *settings))}"
            results.state(
                f"{what}: {record['images']} images", record["images"] / record["seconds"], "images/s"
            )
            if record["failed"]:
                raise RuntimeError(f"{what}: {record['failed']} images failed, see {out}/errors.jsonl")


def main() -> None:
    options = harness.options(__doc__)
    results = harness.begin("engine", options)
    with tempfile.TemporaryDirectory() as work:
        against_memory(results, options, Path(work))
        large_array(results, options, Path(work))
        data_sets(results, options, Path(work))
    harness.finish(results, options)


if __name__ == "__main__":
    main()
