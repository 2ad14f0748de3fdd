"""Build of the compiled module ``pyxai._C``; the metadata is in pyproject.toml.

PYXAI_NATIVE  0: no compiled module, 1: a failed build is an error, unset: it leaves a pure-Python install.
PYXAI_CUDA    0: no CUDA kernels, 1: nvcc is required, unset: CUDA kernels if nvcc is found.
TORCH_CUDA_ARCH_LIST  GPU architectures, default "8.0;9.0+PTX".
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent.resolve()
NATIVE = os.environ.get("PYXAI_NATIVE")
CUDA = os.environ.get("PYXAI_CUDA")


def cuda_root():
    """Toolkit folder as nvcc itself reports it (the nvcc on PATH may be a wrapper), or None."""
    home = os.environ.get("CUDA_HOME")
    nvcc = shutil.which("nvcc", path=f"{home}/bin" if home else None)
    if CUDA == "0" or nvcc is None:
        if CUDA == "1":
            raise RuntimeError("PYXAI_CUDA=1 but nvcc was not found: put it on PATH or set CUDA_HOME")
        return None
    dryrun = subprocess.run([nvcc, "--dryrun", "-x", "cu", os.devnull], capture_output=True, text=True)
    return Path(re.search(r"_HERE_=(.*)", dryrun.stderr)[1]).parent


def extension():
    """The compiled module and the command that builds it. Needs torch, so it is imported here."""
    import pybind11
    import torch
    from torch.utils import cpp_extension

    headers = sorted(path for path in Path("csrc").rglob("*.h") if path.parent.name != "emulation")
    sources = [*sorted(Path("csrc/cpu").glob("*.cpp")), Path("csrc/bindings/module.cpp")]
    # Contraction is off on both sides: a result must not depend on which multiply-adds a compiler fuses.
    flags = {
        "cxx": ["-O3", "-g0", "-Wall", "-fvisibility=hidden", "-ffp-contract=off", "-fno-math-errno"],
        "nvcc": ["-O3", "--fmad=false", "-Xcompiler=-fvisibility=hidden,-Wall"],
    }
    options = {
        "include_dirs": [str(ROOT / "csrc"), pybind11.get_include()],
        "extra_link_args": ["-s", "-Wl,--as-needed", "-Wl,--exclude-libs,ALL"],
        "define_macros": [],
    }
    root = cuda_root()
    if root:
        cpp_extension.CUDA_HOME = str(root)  # None under a CPU-only torch, whatever the environment says
        archs = os.environ.setdefault("TORCH_CUDA_ARCH_LIST", "8.0;9.0+PTX")
        sources += sorted(Path("csrc/cuda").glob("*.cu"))
        options["define_macros"] = [("PYXAI_CUDA_ARCHS", f'"{archs}"')]
        options["include_dirs"].append(str(root / "include"))
        options["library_dirs"] = [str(root / "lib64")]
        options["libraries"] = ["cudart_static", "rt", "dl", "pthread"]

    class Build(cpp_extension.BuildExtension):
        def run(self):
            try:
                super().run()
            except (
                Exception
            ) as error:  # no compiler, no ninja, a compile error: all mean "no compiled module"
                if NATIVE == "1":
                    raise
                self.extensions = []
                without_native(error)

        def build_extensions(self):
            # torch writes no dependency file for .cu sources under a CPU-only torch, so ninja would keep
            # stale objects.
            newest = max(path.stat().st_mtime for path in headers)
            for path in Path(self.build_temp).rglob("csrc/cuda/*.o"):
                if path.stat().st_mtime < newest:
                    path.unlink()
            super().build_extensions()

    print(f"pyxai: building for torch {torch.__version__}, CUDA toolkit {root or 'none'}", file=sys.stderr)
    module = cpp_extension.CppExtension(
        "pyxai._C", [str(path) for path in sources], depends=[str(path) for path in headers],
        extra_compile_args=flags, **options,
    )  # fmt: skip
    return {"ext_modules": [module], "cmdclass": {"build_ext": Build}}


def without_native(error):
    print(
        f"pyxai: the compiled module was not built ({error}).\n"
        "pyxai: the slower reference operators will be used; PYXAI_NATIVE=1 makes this an error.",
        file=sys.stderr,
    )


def native():
    if NATIVE == "0":
        return {}
    try:
        return extension()
    except ImportError as error:
        if NATIVE == "1":
            raise
        without_native(error)
        return {}


setup(**native())
