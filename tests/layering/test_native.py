"""Faults in includes: each is planted into the small house and must be found at its file and line."""

import pytest

DOOR, APART, LITTLE = "torch_has_one_door", "processors_stay_apart", "kernels_include_little"


@pytest.mark.parametrize("file", ["common/torch.h", "common/hd.h", "cpu/scale.cpp", "bindings/module.cpp"])
@pytest.mark.parametrize("header", ["ATen/ATen.h", "c10/util/Half.h"])
def test_unstable_headers_are_nowhere(planted, file, header):
    line = planted.add(f"csrc/{file}", f"# include <{header}>")
    assert planted.faults(DOOR) == [f"csrc/{file}:{line}: <{header}> has no stable binary interface"]


def test_unstable_headers_of_torch_itself(planted):
    line = planted.add("csrc/common/torch.h", "#include <torch/extension.h>")
    (fault,) = planted.faults(DOOR)
    assert fault.startswith(f"csrc/common/torch.h:{line}: <torch/extension.h>")


def test_one_file_includes_torch(planted):
    line = planted.add("csrc/cpu/scale.cpp", "#include <torch/csrc/stable/ops.h>")
    (fault,) = planted.faults(DOOR)
    assert fault.startswith(f"csrc/cpu/scale.cpp:{line}: only csrc/common/torch.h includes torch")


@pytest.mark.parametrize(
    ("file", "header"),
    [
        ("kernels/scale.h", "common/cpu.h"),
        ("kernels/scale.h", "common/cuda.h"),
        ("kernels/scale.h", "common/torch.h"),
        ("kernels/scale.h", "cuda_runtime.h"),
        ("tests/test_scale.cpp", "common/cpu.h"),
        ("cpu/scale.cpp", "common/cuda.h"),
        ("cpu/scale.cpp", "emulation/device.h"),
        ("cuda/scale.cu", "common/cpu.h"),
        ("emulation/device.cpp", "common/cuda.h"),
        ("emulation/device.cpp", "cuda_runtime.h"),
    ],
)
def test_processors_stay_apart(planted, file, header):
    line = planted.add(f"csrc/{file}", f'#include "{header}"')
    assert f"csrc/{file}:{line}: must not include {header}, includes it" in planted.faults(APART)


def test_processors_stay_apart_through_other_headers(planted):
    planted.add("csrc/common/tile.h", '#include "common/cpu.h"')
    line = planted.add("csrc/cuda/scale.cu", '#include "common/tile.h"')
    assert planted.faults(APART) == [
        f"csrc/cuda/scale.cu:{line}: must not include common/cpu.h, includes it through csrc/common/tile.h"
    ]


def test_a_kernel_includes_what_is_not_declared(planted):
    line = planted.add("csrc/kernels/scale.h", "#include <vector>")
    (fault,) = planted.faults(LITTLE)
    assert fault.startswith(f"csrc/kernels/scale.h:{line}: vector is not declared")


def test_a_declared_header_that_no_kernel_includes(planted):
    planted.declare("kernel_includes", '"cmath" = "a reason"')
    (fault,) = planted.faults(LITTLE)
    assert fault.startswith("tests/layers.toml:") and "no kernel includes cmath" in fault


def test_a_kernel_may_include_a_kernel(planted):
    planted.add("csrc/kernels/scale.h", '#include "kernels/other.h"')
    planted.add("csrc/kernels/other.h", '#include "common/hd.h"')
    assert not planted.faults(LITTLE) and not planted.faults(APART)
