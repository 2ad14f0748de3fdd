"""A source that is gone, replaced or written to stops the run; pictures in a folder may be repaired."""

import os
import shutil

import pytest

from pyxai.engine import RunError
from pyxai.engine.data.watch import Watch


@pytest.fixture(params=["file", "folder"])
def path(request, tmp_path):
    path = tmp_path / "source"
    if request.param == "folder":
        path.mkdir()
        (path / "a.png").write_bytes(b"one")
    else:
        path.write_bytes(b"one")
    return path


def test_gone_and_back(path):
    watch = Watch(path)
    watch.check()
    away = path.rename(path.with_name("away"))
    with pytest.raises(RunError, match=r"source is gone since the run began: .* continue with --resume"):
        watch.check()
    away.rename(path)
    watch.check()


def test_replaced(path):
    watch = Watch(path)
    away = path.with_name("away")
    path.rename(away)
    shutil.copytree(away, path) if away.is_dir() else shutil.copy2(away, path)
    with pytest.raises(RunError, match="source was replaced, or written to"):
        watch.check()


def test_what_is_in_a_folder_may_change_and_what_is_in_a_file_may_not(path):
    watch = Watch(path)
    if path.is_dir():
        (path / "b.png").write_bytes(b"two")
        watch.check()
        return
    path.write_bytes(b"two")
    os.utime(path, ns=(0, 0))
    with pytest.raises(RunError, match="source was replaced, or written to"):
        watch.check()
