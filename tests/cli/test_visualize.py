"""``pyxai visualize``."""

from PIL import Image

from tests.engine.conftest import TINY

CHEAP = ["--set", "steps=2", "--set", "attribution.steps=2", "--set", "attribution.baseline=zero"]


def test_a_picture_for_each_image_layer_and_class(pyxai, photos):
    pictures = sorted(photos.rglob("*.png"))[:2]
    code, out, err = pyxai(
        "visualize", *pictures, "--model", f"{TINY}:net", "--out", "seen", "--target", "0,1", *CHEAP
    )
    assert (code, err) == (0, "")
    places = out.split()
    assert len(places) == 4 and all(Image.open(place).size == (12, 12) for place in places)


def test_what_is_wrong_is_one_line(pyxai, photos):
    picture = next(photos.rglob("*.png"))
    for options in (["--set", "beta=2"], ["--layer", "nothing"], ["--target", "99"]):
        code, _, err = pyxai(
            "visualize", picture, "--model", f"{TINY}:net", "--out", "seen", *CHEAP, *options
        )
        assert code == 2 and len(err.splitlines()) == 1, err
