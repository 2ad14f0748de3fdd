"""What a method is given, checked, and in parts."""

import pytest
import torch

from pyxai.methods.request import Maps, Request, check_ids, check_images
from pyxai.methods.targets import parse_target

IMAGES = torch.rand(5, 3, 4, 6)


def test_a_part_of_a_request_is_of_the_same_images():
    target = parse_target([4, 3, 2, 1, 0], IMAGES)
    request = Request(IMAGES, target, torch.tensor([9, 8, 7, 6, 5]))
    part = request[slice(1, 3)]
    assert (len(request), len(part)) == (5, 2)
    assert torch.equal(part.images, IMAGES[1:3])
    assert part.ids.tolist() == [8, 7] and part.target.fixed.tolist() == [[3], [2]]
    best = Request(IMAGES, parse_target("top2", IMAGES), request.ids)[slice(0, 2)]
    assert best.target.top == 2


def test_maps_name_all_their_tensors_in_one_order():
    tensors = [torch.rand(2) for _ in range(6)]
    maps = Maps(tensors[3:4], target=tensors[0], score=tensors[1], expected=tensors[2])
    maps.standard_error, maps.extras = tensors[4:5], {"psnr": tensors[5:]}
    assert [id(tensor) for tensor in maps.tensors()] == [id(tensor) for tensor in tensors]
    assert Maps(tensors[:2]).tensors() == tensors[:2]


def test_ids():
    assert check_ids(None, IMAGES).tolist() == [0, 1, 2, 3, 4]
    assert check_ids([2, 1, 4, 3, -1], IMAGES).tolist() == [2, 1, 4, 3, -1]
    with pytest.raises(TypeError, match=r"^`ids` must be int64, got torch.float32"):
        check_ids([0.5] * 5, IMAGES)
    with pytest.raises(ValueError, match=r"^`ids` must have shape \(5,\), got \(4,\)"):
        check_ids(range(4), IMAGES)


def test_images():
    check_images(IMAGES, torch.float32, torch.device("cpu"))
    check_images(IMAGES, None, None)
    with pytest.raises(
        TypeError, match=r"^`images` must have the model's dtype torch.float64, got torch.float32"
    ):
        check_images(IMAGES, torch.float64, None)
    with pytest.raises(ValueError, match=r"^`images` must be on the model's device meta, got cpu"):
        check_images(IMAGES, None, torch.device("meta"))
    broken = IMAGES.clone()
    broken[1, 0, 0, 0], broken[4, 2, 3, 5] = torch.nan, -torch.inf
    with pytest.raises(ValueError, match=r"^`images` must be finite, got NaN or infinity in row 1, 4$"):
        check_images(broken, None, None)
    huge = torch.full_like(IMAGES, 3e38)  # whose sum is not finite
    check_images(huge, None, None)
