"""Files that are missing, left over or too long: each is planted into the small house and must be found."""

import pytest

STEMS, TESTS, SIZES = "ops_have_one_stem", "sources_have_tests", "sizes_are_small"


@pytest.mark.parametrize(
    "file",
    [
        "csrc/kernels/scale.h",
        "csrc/cpu/scale.cpp",
        "csrc/cuda/scale.cu",
        "csrc/tests/test_scale.cpp",
        "tests/ops/test_scale.py",
        "benchmarks/ops/scale.py",
    ],
)
def test_an_operator_that_lacks_a_file(planted, file):
    (planted.root / file).unlink()
    assert planted.faults(STEMS) == [f"pyxai/ops/scale.py:1: the operator scale lacks {file}"]


@pytest.mark.parametrize(
    "file", ["csrc/kernels/old.h", "csrc/cpu/old.cpp", "csrc/cuda/old.cu", "benchmarks/ops/old.py"]
)
def test_a_file_that_belongs_to_no_operator(planted, file):
    planted.write(file, "")
    assert planted.faults(STEMS) == [f"{file}:1: belongs to no operator, there is no pyxai/ops/old.py"]


@pytest.mark.parametrize("defined", ['define("other(Tensor x) -> ()")', 'X = "other(Tensor x)"\ndefine(X)'])
def test_an_operator_in_the_file_of_another(planted, defined):
    line = planted.add("pyxai/ops/scale.py", defined) + defined.count("\n")
    (fault,) = planted.faults(STEMS)
    assert fault.startswith(f"pyxai/ops/scale.py:{line}: defines the operator other")


def test_private_files_and_other_tests_may_lie_beside_operators(planted):
    for file in (
        "pyxai/ops/_more.py",
        "benchmarks/ops/_more.py",
        "tests/ops/test_all.py",
        "csrc/tests/test_hd.cpp",
    ):
        planted.write(file, "")
    assert not planted.faults(STEMS)


@pytest.mark.parametrize("name", ["low/two", "low/_two", "low/inner/two", "two"])
def test_a_source_without_its_test(planted, name):
    planted.write(f"pyxai/{name}.py", "")
    folder = name.rpartition("/")[0]
    test = f"tests/{folder}/test_two.py" if folder else "tests/test_two.py"
    assert planted.faults(TESTS) == [f"pyxai/{name}.py:1: lacks its test {test}"]
    planted.write(test, "")
    assert not planted.faults(TESTS)


def test_the_list_of_missing_tests_shrinks(planted):
    planted.write("pyxai/low/two.py", "")
    planted.declare("missing_tests", 'files = ["low/two.py"]')
    assert not planted.faults(TESTS)
    planted.write("tests/low/test_two.py", "")
    (fault,) = planted.faults(TESTS)
    assert fault.startswith("tests/layers.toml:") and "low/two.py is no file that lacks its test" in fault


def test_a_long_file(planted):
    planted.write("pyxai/low/one.py", "\n" * 400)
    assert not any("400" in fault for fault in planted.faults(SIZES))
    planted.write("pyxai/low/one.py", "\n" * 401)
    assert "pyxai/low/one.py:401: has 401 lines, more than 400" in planted.faults(SIZES)


def test_a_large_folder(planted):
    for number in range(20):
        planted.write(f"pyxai/part{number}/a.py", "\n" * 100)
    assert not planted.faults(SIZES)
    planted.write("pyxai/part0/b.py", "\n" * 300)
    assert planted.faults(SIZES) == ["pyxai/part0/: holds 17% of the package, more than 15%"]
