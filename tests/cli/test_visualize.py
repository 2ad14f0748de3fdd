"""``pyxai visualize``."""

import numpy as np
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


def test_colours_are_those_of_pictures_whatever_the_order_of_the_model(pyxai, photos):
    given = ["--model", f"{TINY}:red_net", "--out", "seen", "--layer", "0", "--target", "1"]
    options = ["steps=20", "attribution=layer_activation", "channels=1", "masked=false"]
    more = [part for option in options for part in ("--set", option)]
    code, out, err = pyxai("visualize", next(photos.rglob("*.png")), *given, *more)
    assert (code, err) == (0, "")
    red, green, blue = np.asarray(Image.open(out.strip()), float).mean((0, 1))
    assert red > green + 20 and red > blue + 20


def test_a_picture_for_each_group_of_channels(pyxai, photos):
    pictures = sorted(photos.rglob("*.png"))[:3]
    given = ["--model", f"{TINY}:wide_net", "--out", "seen", "--layer", "1", "--target", "2", "--groups"]
    code, out, err = pyxai(
        "visualize", *pictures, *given, "--set", "attribution=layer_activation", *CHEAP[:2]
    )
    assert code == 0 and all(line.startswith("pyxai: warning: ") for line in err.splitlines())
    places = out.split()
    endings = {place.rpartition("_")[2] for place in places}
    assert len(places) == 3 * len(endings) and {"group1.png", "group2.png"} <= endings
    drawn = [Image.open(place) for place in places]
    assert all(one.size == (12, 12) for one in drawn) and drawn[0].tobytes() != drawn[3].tobytes()


def test_groups_need_one_class(pyxai, photos):
    pictures = sorted(photos.rglob("*.png"))[:1]
    given = ["visualize", *pictures, "--model", f"{TINY}:net", "--out", "seen", "--groups", *CHEAP]
    code, _, err = pyxai(*given, "--set", "channels=1,2")
    assert code == 2 and "--groups chooses the channels: leave --set channels out" in err
    code, _, err = pyxai(*given, "--layer", "6")
    assert code == 2 and "`layer` must return a map of the image" in err and len(err.splitlines()) == 1


def test_what_is_wrong_is_one_line(pyxai, photos):
    picture = next(photos.rglob("*.png"))
    for options in (
        ["--set", "beta=2"],
        ["--layer", "nothing"],
        ["--target", "99"],
        ["--set", "fill=snow"],
        ["--set", "strongest=900"],
        ["--set", "channels=1,900"],
    ):
        code, _, err = pyxai(
            "visualize", picture, "--model", f"{TINY}:net", "--out", "seen", *CHEAP, *options
        )
        assert code == 2 and len(err.splitlines()) == 1, err
