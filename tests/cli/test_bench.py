"""``pyxai bench``."""

from tests.engine.conftest import TINY


def test_bench_times_the_floor_and_us(pyxai):
    options = ["--size", "12", "--rounds", "2", "--images", "2"]
    code, out, _ = pyxai("bench", "--model", f"{TINY}:net", "--method", "gradient", *options)
    assert code == 0
    assert "floor" in out
    assert "pyxai" in out
    code, _, err = pyxai("bench", "--model", f"{TINY}:net", "--set", "stepz=1")
    assert (code, "no option `stepz`" in err) == (2, True)
    for wrong in (["--rounds", "0"], ["--images", "0"], ["--size", "12", "--channels", "1"]):
        code, _, err = pyxai("bench", "--model", f"{TINY}:net", "--method", "gradient", *wrong)
        assert code == 2
        assert err.splitlines()[-1].startswith("pyxai: ")
