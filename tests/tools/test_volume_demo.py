"""The demonstration of clips: its task can only be told by the square, and maps lie on what decides."""

import re
from pathlib import Path

import pytest
import torch

from tools import volume_demo
from tools.volume_demo import FRAMES, NAMES, SIDE, SPEED, STEPS, accuracy, clips, shares, train


def test_the_square_moves_as_its_class_says_and_the_disc_does_not_know_it():
    found = clips(800, 3)
    assert found.images.shape == (800, 1, FRAMES, SIDE, SIDE) and len(NAMES) == len(STEPS)
    assert torch.equal(clips(800, 3).images, found.images)
    grid = torch.stack(torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")).float()

    def moved(masks):
        """(N, 2), how far the centre goes from the first frame to the last."""
        first, last = (
            (masks[:, None, frame] * grid).flatten(2).sum(2) / masks[:, frame].flatten(1).sum(1)[:, None]
            for frame in (0, -1)
        )
        return last - first

    assert (found.square.flatten(2).sum(2) == 49).all()  # whole in every frame
    wanted = SPEED * (FRAMES - 1) * torch.tensor(STEPS)[found.labels]
    assert torch.allclose(moved(found.square), wanted.float(), atol=1e-3)
    seen = found.disc.flatten(2).sum(2)[:, [0, -1]]
    whole = (seen == seen.max()).all(1)  # not hidden where its way begins and ends
    directions = [
        (moved(found.disc)[whole & (found.labels == label)] @ torch.tensor(STEPS).float().T).argmax(1)
        for label in range(4)
    ]
    for told in directions:  # every way, whatever the class; most often hidden where it goes the same
        assert (torch.bincount(told, minlength=4) / len(told)).min() > 0.05


@pytest.mark.slow
def test_the_network_tells_the_direction_and_maps_lie_on_the_square():
    model, unseen = train(), clips(200, 0)
    assert accuracy(model, unseen) > 0.95
    found = shares(model, unseen)
    assert set(found) == {"chance", *volume_demo.METHODS}
    assert found["chance"][0] == pytest.approx(49 / SIDE**2)
    for method in volume_demo.METHODS:
        assert found[method][0] > 2 * found["chance"][0], method
    page = (Path(__file__).parents[2] / "docs/methods/feature_map.md").read_text()
    rows = re.findall(r"^\| (chance|`\w+`).* \| (0\.\d+) \| (0\.\d+) \|$", page, re.M)
    told = {name.strip("`"): (float(square), float(disc)) for name, square, disc in rows}
    assert told.keys() == found.keys()
    for name, numbers in found.items():
        assert numbers == pytest.approx(told[name], abs=0.02), name
