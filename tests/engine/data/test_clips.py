"""Clips of files and folders: what is one, its frames in order, and one reason where it cannot be read."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from pyxai.engine import InputError, Preprocess
from pyxai.engine.data.clips import Clips
from pyxai.engine.data.folder import Folder
from pyxai.engine.data.images import find_images
from pyxai.engine.data.limits import Limits
from pyxai.engine.data.sources import open_source, read_row
from pyxai.engine.errors import RowError
from pyxai.engine.status import OUT_OF_REACH, UNREADABLE, WRONG_SIZE
from tests.engine.conftest import clip, frames_folder, gif

AS_IS = Preprocess()


def refused(source, name, preprocess=AS_IS, shape=None):
    with pytest.raises(RowError) as caught:
        read_row(source, name, preprocess, shape)
    assert "\n" not in caught.value.reason
    return caught.value.status, caught.value.reason


def several(file, frames, **options):
    """Frames as a file of the format that its ending says, without loss."""
    pictures = [Image.fromarray(frame) for frame in frames]
    pictures[0].save(file, save_all=True, append_images=pictures[1:], **options)
    return file


def test_gif_folder_zip_and_array_give_the_same_frames(tmp_path):
    frames = clip(1, 8)
    gif(tmp_path / "a.gif", frames)
    frames_folder(tmp_path / "folder" / "a", frames)
    np.save(tmp_path / "a.npy", frames.transpose(3, 0, 1, 2)[None])
    np.save(tmp_path / "last.npy", frames[None])
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for file in sorted((tmp_path / "folder" / "a").iterdir()):
            archive.write(file, f"a/{file.name}")
    for preprocess in (AS_IS, Preprocess(resize=6, crop=5)):
        for count in (8, 3, 1):
            found = [
                read_row(open_source(tmp_path / file, frames=count), name, preprocess, None)
                for file, name in (
                    ("a.gif", "a.gif"),
                    ("folder", "a"),
                    ("a.zip", "a"),
                    ("a.npy", "#0"),
                    ("last.npy", "#0"),
                )
            ]
            assert found[0].shape == (3, count, *preprocess.size(12, 12)) and found[0].dtype == np.uint8
            for other in found[1:3]:
                np.testing.assert_array_equal(other, found[0])
            for other in found[3:]:  # planes are resized one by one, which rounds alike
                np.testing.assert_array_equal(other, found[0])
    whole = read_row(open_source(tmp_path / "a.gif", frames=8), "a.gif", AS_IS, None)
    np.testing.assert_array_equal(whole, frames.transpose(3, 0, 1, 2))


@pytest.mark.parametrize("ending, options", [("webp", {"lossless": True}), ("tiff", {}), ("png", {})])
def test_other_files_with_several_frames(tmp_path, ending, options):
    frames = clip(2, 5)
    several(tmp_path / f"a.{ending}", frames, **options)
    source = open_source(tmp_path, frames=5)
    assert source.names() == [f"a.{ending}"]
    found = read_row(source, f"a.{ending}", AS_IS, None)
    np.testing.assert_array_equal(found, frames.transpose(3, 0, 1, 2))


def test_what_is_a_clip(tmp_path):
    frames = clip(0, 4)
    gif(tmp_path / "in.gif", frames)
    gif(tmp_path / "one" / "still.gif", frames[:1])
    frames_folder(tmp_path / "one", frames, "tiff")
    frames_folder(tmp_path / "two" / "deep", frames, "webp")
    frames_folder(tmp_path, frames)
    (tmp_path / "two" / "text.txt").write_text("none")
    (tmp_path / "two" / ".hidden.png").touch()
    source = open_source(tmp_path, frames=4)
    assert source.names() == [".", "in.gif", "one", "one/still.gif", "two/deep"]
    assert source.listing().left_out.counts == {"not a picture": 1, "hidden": 1}
    assert refused(source, "one/still.gif") == (WRONG_SIZE, "1 frame, fewer than the 4 of --frames")
    assert read_row(source, "one", AS_IS, None).shape == (3, 4, 12, 12)
    assert source.described({}) == {"kind": "clips", "path": str(tmp_path), "frames": 4}
    alone = open_source(tmp_path / "one" / "still.gif", frames=1)
    assert alone.names() == ["still.gif"]
    assert read_row(alone, "still.gif", AS_IS, None).shape == (3, 1, 12, 12)


def test_frames_come_in_the_order_of_their_numbers(tmp_path):
    for number in (10, 9, 1, 100, 0):
        Image.new("L", (2, 2), number).save(tmp_path / f"frame{number}.png")
    found = read_row(open_source(tmp_path, frames=5), ".", Preprocess(channels="L"), None)
    assert found[0, :, 0, 0].tolist() == [0, 1, 9, 10, 100]


def test_frames_that_are_there_decide_whether_a_run_goes_on(tmp_path):
    frames_folder(tmp_path / "a", clip(0, 6))
    before = find_images(tmp_path, AS_IS, frames=3)
    assert before.shape == (3, 3, 12, 12) and before.names == ["a"]
    again = find_images(tmp_path, AS_IS, frames=3)
    (tmp_path / "a" / "000.png").rename(tmp_path / "a" / "999.png")
    after = find_images(tmp_path, AS_IS, frames=3)
    assert again.listing == before.listing != after.listing
    np.testing.assert_array_equal(before.ids, after.ids)


def test_one_reason_for_each_clip_that_cannot_be_read(tmp_path):
    frames = clip(0, 4)
    (tmp_path / "empty.gif").touch()
    (tmp_path / "header.gif").write_bytes(b"GIF89a")
    gif(tmp_path / "cut.gif", frames)
    whole = (tmp_path / "cut.gif").read_bytes()
    (tmp_path / "cut.gif").write_bytes(whole[: len(whole) // 2])
    frames_folder(tmp_path / "sizes", frames)
    Image.new("RGB", (20, 12)).save(tmp_path / "sizes" / "002.png")
    frames_folder(tmp_path / "damaged", frames)
    (tmp_path / "damaged" / "001.png").write_bytes(b"no picture")
    frames_folder(tmp_path / "short", frames[:3])
    several(tmp_path / "pages.tif", [*frames[:3], np.zeros((12, 20, 3), np.uint8)])
    source = open_source(tmp_path, frames=4)
    assert refused(source, "empty.gif") == (UNREADABLE, "not a picture, or a damaged header")
    assert refused(source, "header.gif")[0] == UNREADABLE
    for count in (1, 4):  # what is left of it is no clip either
        cut = open_source(tmp_path, frames=count)
        assert refused(cut, "cut.gif") == (UNREADABLE, "ValueError: GIF: image file is truncated")
    wrong = "frames of 12x12 and 12x20 pixels in one clip: use --resize and --crop"
    assert refused(source, "sizes") == refused(source, "pages.tif") == (WRONG_SIZE, wrong)
    assert refused(source, "damaged") == (UNREADABLE, "001.png: not a picture, or a damaged header")
    assert refused(source, "short") == (WRONG_SIZE, "3 frames, fewer than the 4 of --frames")
    assert refused(source, "gone") == (OUT_OF_REACH, "FileNotFoundError: [Errno 2] No such file or directory")
    assert read_row(source, "sizes", Preprocess(resize=8, crop=8), None).shape == (3, 4, 8, 8)


def test_what_all_frames_take_is_bounded(tmp_path):
    gif(tmp_path / "long.gif", clip(0, 3, 64))
    told = "ValueError: 3 frames of 64x64 pixels are more than 8192: see --max-pixels"
    assert refused(open_source(tmp_path, Limits(pixels=2 * 64 * 64), 2), "long.gif") == (UNREADABLE, told)
    frames_folder(tmp_path / "folder", clip(0, 9))
    source = open_source(tmp_path / "folder", Limits(pixels=4 * 144), 5)
    told = "000.png: ValueError: 5 frames of 12x12 pixels are more than 576: see --max-pixels"
    assert refused(source, ".") == (UNREADABLE, told)
    fitting = open_source(tmp_path / "folder", Limits(pixels=4 * 144), 4)
    assert read_row(fitting, ".", AS_IS, None).shape == (3, 4, 12, 12)


def test_a_gif_of_ten_thousand_large_frames_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    """Its frames are of one pixel each, on a screen of 4000x4000."""
    screen = b"GIF89a" + (4000).to_bytes(2, "little") * 2 + b"\x80\x00\x00" + b"\0\0\0\xff\xff\xff"
    frame = b"\x2c" + b"\0" * 4 + b"\x01\0\x01\0\0" + b"\x02\x02\x44\x01\x00"
    (tmp_path / "bomb.gif").write_bytes(screen + frame * 10_000 + b"\x3b")
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("it was decoded"))
    told = "ValueError: 10000 frames of 4000x4000 pixels are more than 134217728: see --max-pixels"
    assert refused(open_source(tmp_path, frames=8), "bomb.gif") == (UNREADABLE, told)


def test_a_file_and_a_folder_of_one_name_are_refused(tmp_path):
    gif(tmp_path / "a.gif", clip(0, 2))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.gif", "a.gif")
        archive.writestr("a.gif/0.png", b"")
    with pytest.raises(InputError, match=r"'a.gif' is a file in it, and a folder"):
        open_source(tmp_path / "a.zip", frames=2).names()


def test_clips_of_several_sizes_are_refused(tmp_path):
    gif(tmp_path / "a.gif", clip(0, 2))
    gif(tmp_path / "b.gif", clip(0, 2, 16))
    gif(tmp_path / "c.gif", clip(1, 2))
    with pytest.raises(
        InputError, match=r"has clips of 2 sizes \(2 of 12x12, 1 of 16x16\): use --resize and"
    ):
        find_images(tmp_path, AS_IS, frames=2)
    assert find_images(tmp_path, Preprocess(resize=9), frames=2).shape == (3, 2, 9, 9)


def test_nothing_is_long_enough(tmp_path):
    gif(tmp_path / "a.gif", clip(0, 3))
    with pytest.raises(
        InputError, match=r"none of the 1 images .* \(a.gif: 3 frames, fewer than the 5 of --frames\)"
    ):
        find_images(tmp_path, AS_IS, frames=5)


def test_tiff_pages_of_many_channels_are_not_mistaken_for_the_first(tmp_path):
    several(tmp_path / "a.tif", clip(0, 3))
    source = open_source(tmp_path, frames=3)
    status, reason = refused(source, "a.tif", Preprocess(channels=5))
    assert status == UNREADABLE and "store it as .npy" in reason


def test_what_a_worker_is_sent_needs_no_listing(tmp_path, monkeypatch):
    import pickle

    frames_folder(tmp_path / "a", clip(0, 3))
    source = open_source(tmp_path, frames=3)
    source.names()
    sent = pickle.loads(pickle.dumps(source))
    monkeypatch.setattr(Folder, "listing", lambda _: pytest.fail("it was listed again"))
    assert isinstance(sent, Clips) and read_row(sent, "a", AS_IS, None).shape == (3, 3, 12, 12)
