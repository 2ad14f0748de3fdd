"""What holds for every classical method: shapes, dtypes, flat images, odd sizes, refusals."""

import numpy as np
import pytest
import torch

import pyxai
from pyxai import saliency
from tests.saliency.pictures import TURNS, correlation, photographs, tensor

METHODS = pyxai.list_methods("saliency")
EXACT = ("centre_surround", "entropy")
LEAST = {"spanning_tree": 0.97}  # ties of 8-bit weights; the others 0.999


@pytest.fixture(autouse=True, params=METHODS)
def method(request):
    """Each method in turn; region contrast where its superpixels are installed."""
    if request.param == "region_contrast":
        pytest.importorskip("skimage")
    return getattr(saliency, request.param)


@pytest.mark.parametrize("value", [0.0, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("size", [(1, 1), (1, 17), (40, 33), (64, 64)])
def test_a_flat_image_has_the_zero_map(method, value, size):
    for images in (
        torch.full((2, 1, *size), value),
        torch.tensor([value, 0.5, 0.2])[None, :, None, None] + torch.zeros(1, 3, *size),
    ):
        assert torch.equal(method(images), torch.zeros(len(images), *size))
        # the face sets these maps to zero: what it covers is finite too
        assert method.__wrapped__(images).isfinite().all()


@pytest.mark.parametrize("size", [(1, 17), (17, 1), (2, 2), (3, 5), (7, 40), (33, 40)])
@pytest.mark.parametrize("channels", [1, 3])
def test_odd_sizes_have_a_map(method, size, channels):
    images = torch.rand(2, channels, *size)
    maps = method(images)
    assert maps.shape == (2, *size) and maps.dtype == images.dtype
    assert maps.isfinite().all() and (maps >= 0).all()
    if method is saliency.fine_grained and size == (2, 2):
        assert not maps.any()  # its smoothing gives all four pixels one value
    else:
        assert maps.amax() > 0


@pytest.mark.parametrize("size", [(48, 64), (280, 300)])
def test_largest_value(method, size):
    """1, whatever the size of the map that was enlarged; two methods have units of their own."""
    images = tensor(photographs(*size))
    largest = method(images).amax((1, 2))
    if method.__name__ in EXACT:
        assert (largest < {"centre_surround": 1, "entropy": 8}[method.__name__]).all()
    else:
        torch.testing.assert_close(largest, torch.ones(len(images)), rtol=0, atol=1e-6)


def test_no_images_have_no_maps(method):
    assert method(torch.empty(0, 3, 20, 30)).shape == (0, 20, 30)


def test_flat_batch_mate_changes_nothing(method):
    images = tensor(photographs(60, 80))
    mixed = torch.stack([images[0], torch.full_like(images[0], 0.4), images[1]])
    maps = method(mixed)
    assert not maps[1].any()
    torch.testing.assert_close(maps[[0, 2]], method(images[:2]), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16, torch.float16])
def test_dtypes(method, kind):
    images = tensor(photographs(48, 64)).to(kind)
    maps = method(images)
    assert maps.dtype == kind
    # the arithmetic is at least float32's; where a method decides (peaks, ties, regions) rounding may flip it
    assert correlation(maps, method(images.float())) > 0.98


def test_grey_and_colour_agree(method):
    grey = tensor(photographs(48, 64))[:, :1]
    assert correlation(method(grey), method(grey.expand(-1, 3, -1, -1).contiguous())) > 0.98


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.zeros((1, 3, 4, 4)), TypeError, "be a torch.Tensor, got ndarray"),
        (torch.zeros(3, 4, 4), ValueError, r"have shape \(N, C, H, W\), got \(3, 4, 4\)"),
        (torch.zeros(1, 3, 4, 4, dtype=torch.uint8), TypeError, "have a floating dtype, got torch.uint8"),
        (torch.zeros(1, 4, 4, 4), ValueError, "have 1 or 3 channels, and no transparency, got 4"),
        (torch.zeros(1, 3, 0, 4), ValueError, r"have at least one channel and one pixel, got \(1, 3, 0, 4\)"),
        (torch.full((1, 3, 4, 4), 1.5), ValueError, r"lie in \[0, 1\], got 1.5 to 1.5"),
        (torch.full((1, 3, 4, 4), torch.nan), ValueError, r"lie in \[0, 1\], got nan to nan"),
    ],
)
def test_refusals(method, images, error, message):
    with pytest.raises(error, match=f"^{method.__name__}: `images` must {message}"):
        method(images)


@pytest.mark.parametrize("turn", TURNS)
def test_turning_the_image_turns_the_map(method, turn):
    images = tensor(photographs(256, 256)[:2])
    maps, turned = turn(method(images)), method(turn(images).contiguous())
    if method.__name__ in EXACT:
        assert torch.equal(maps, turned)
    else:
        assert correlation(maps, turned) >= LEAST.get(method.__name__, 0.999)


@pytest.mark.gpu
def test_cuda_agrees_with_the_cpu(method):
    images = tensor(photographs(96, 120))
    found = method(images.cuda())
    assert found.is_cuda
    assert correlation(found.cpu(), method(images)) > 0.999
