"""``pyxai info``."""

from __future__ import annotations

from pyxai.cli.tables import print_table

PACKAGES = ("torch", "numpy", "pillow", "PyWavelets", "zarr", "captum", "timm", "torchvision", "transformers")


def info() -> None:
    """Versions, devices, how the CUDA kernels are tested, and for each operator what it runs on, and why."""
    import os
    import platform
    from importlib.metadata import PackageNotFoundError, version

    import torch

    import pyxai
    from pyxai import ops

    print(f"pyxai {pyxai.__version__}, Python {platform.python_version()}, {platform.platform()}")
    for name in PACKAGES:
        try:
            print(f"{name} {version(name)}", end="  ")
        except PackageNotFoundError:
            print(f"{name} not installed", end="  ")
    print(f"\ncpu: {torch.backends.cpu.get_cpu_capability()}, {os.cpu_count()} cores", end=", ")
    print(f"{torch.get_num_threads()} threads")
    for index in range(torch.cuda.device_count()):
        print(f"cuda:{index}: {torch.cuda.get_device_name(index)}")
    print(ops.evidence())
    rows = [[entry["op"], entry["device"], entry["backend"], entry["why"]] for entry in ops.status()]
    print_table(["operator", "device", "backend", "why"], rows)
