"""``verify`` reads all of a store and says what does not hold."""

import json
import os
import re
import shutil

import numpy as np
import pytest

from pyxai import engine
from pyxai.engine import InputError, Job
from pyxai.engine.status import OK, UNREADABLE
from pyxai.engine.store.lock import Writing
from pyxai.engine.store.store import Store
from pyxai.engine.store.verify import verify
from tests.engine.conftest import as_before, flip, made_store


@pytest.fixture
def path(tmp_path):
    return made_store(tmp_path / "run.zarr", rows=200).path


def write(path, chunk: int, **changes) -> None:
    """Commit a chunk again, with other arrays or status."""
    store = Store(path)
    rows = store.rows_of(chunk)
    values = {name: array[rows.start : rows.stop] for name, array in store.arrays.items()}
    status = changes.pop("status", store.status()[rows.start : rows.stop])
    for name, value in changes.items():
        values[name][1] = value
    store.write(chunk, values, status, {})


@pytest.mark.parametrize("old", [False, True])
def test_a_whole_store(path, old):
    if old:
        as_before(path)
    Store(path).drop(3)
    with open(path / "errors.jsonl", "a") as file:
        file.write('{"row": 3, "pa')  # torn by a kill
    report = verify(path)
    assert (report.faults, dict(report.counts), report.marked) == ([], {"ok": 192, "pending": 8}, 0)


@pytest.mark.parametrize("name", ["heatmap", "target", "score", "status"])
def test_flipped_bits_missing_and_cut_chunks_are_named_by_their_rows(path, name):
    file = path / Store(path)._layouts[name].key(1)
    for damage, words in (
        (flip, r"is damaged: .*"),
        (lambda file: os.truncate(file, 9), "is cut off|is damaged: .*"),
        (lambda file: file.write_bytes(b""), "is empty"),
        (os.unlink, "is missing"),
    ):
        whole = file.read_bytes()
        damage(file)
        (line,) = verify(path).faults or ["none"]
        if (name, damage) == ("status", os.unlink):
            assert line == "none"  # it was never done
        else:
            assert re.fullmatch(f"rows 64 to 127: `{name}` ({words})", line), line
        file.write_bytes(whole)
    assert not verify(path).faults


def test_neighbours_with_the_same_fault_are_one_range(path):
    for chunk in (0, 1, 3):
        (path / "score" / "c" / str(chunk)).unlink()
    assert verify(path).faults == [
        "rows 0 to 127: `score` is missing",
        "rows 192 to 199: `score` is missing",
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"score": np.nan}, "`score` holds NaN or infinity in rows that are done"),
        ({"heatmap": np.inf}, "`heatmap` holds NaN or infinity in rows that are done"),
        ({"target": -1}, "`target` holds negative numbers in rows that are done"),
        ({"status": np.full(64, 77, np.uint8)}, "`status` has the unknown codes [77]"),
        ({"status": np.full(64, UNREADABLE, np.uint8)}, "errors.jsonl does not say why rows failed"),
    ],
)
def test_a_status_that_does_not_agree_with_the_arrays(path, change, words):
    write(path, 1, **change)
    assert verify(path).faults == [f"rows 64 to 127: {words}"]
    assert verify(path, mark=True).marked == 64
    report = verify(path)
    assert not report.faults and report.counts["pending"] == 64


def test_failed_rows_with_their_reasons_are_whole(path):
    status = np.full(64, OK, np.uint8)
    status[5] = UNREADABLE
    write(path, 1, status=status, score=1.0)
    store = Store(path)
    line = {"row": 69, "path": "a", "status": UNREADABLE, "reason": "cut"}
    store.write(
        1, {name: array[64:128] for name, array in store.arrays.items()}, status, {"errors.jsonl": [line]}
    )
    assert dict(verify(path).counts) == {"ok": 199, "unreadable": 1}


def test_text_files_that_do_not_fit(path):
    lines = (path / "paths.jsonl").read_text().splitlines()
    for text, words in (
        ("\n".join(lines[:-1]), "paths.jsonl has 199 lines, there are 200 images"),
        ("\n".join([*lines, lines[-1]]), "paths.jsonl: line 201 is not that of row 200"),
        ("\n".join([lines[1], lines[0], *lines[2:]]), "paths.jsonl: line 1 is not that of row 0"),
        ("\n".join([lines[0].replace("000", "../up"), *lines[1:]]), "paths.jsonl: line 1 is not"),
        (
            "\n".join([lines[0].replace("000", "other"), *lines[1:]]),
            "does not have the names that manifest.json",
        ),
    ):
        (path / "paths.jsonl").write_text(text)
        (line,) = verify(path).faults
        assert words in line
    (path / "paths.jsonl").write_text("\n".join(lines))
    (path / "errors.jsonl").unlink()
    (line,) = verify(path).faults
    assert "errors.jsonl: No such file" in line


def test_marked_rows_are_done_again(job):
    whole = engine.run(job()).store
    wanted = engine.open(whole)[:]
    flip(whole / "heatmap" / "c" / "1" / "0" / "0")
    with Writing(whole, (1, 2)), pytest.raises(InputError, match="is being written"):
        verify(whole, mark=True)
    assert verify(whole, mark=True).marked == 64
    assert not engine.open(whole).complete
    engine.run(job(resume=True))
    assert np.array_equal(engine.open(whole)[:].attribution, wanted.attribution)


def test_stores_of_several_sizes(mixed, tmp_path):
    out = tmp_path / "run.zarr"
    engine.run(Job(model=None, data=mixed, out=out, method="spectral_residual"))
    report = verify(out)
    assert (report.faults, dict(report.counts)) == ([], {"ok": 10, "unreadable": 1})
    flip(out / "24x30" / "heatmap" / "c" / "0" / "0" / "0")
    assert verify(out).faults == ["24x30: rows 0 to 2: `heatmap` is damaged: its checksum is another"]
    assert verify(out, mark=True).marked == 3
    shutil.rmtree(out / "1x1")
    with pytest.raises(InputError, match="has not begun with the size 1x1: use --resume"):
        verify(out)
    manifest = json.loads((out / "manifest.json").read_text())
    for change in (
        {"sizes": [["a", "b"]]},
        {"sizes": [[10**40, 1]]},
        {"images": []},
        {"model": 3},
        {"format_version": 2},
    ):
        (out / "manifest.json").write_text(json.dumps({**manifest, **change}))
        with pytest.raises(InputError, match="is damaged"):
            verify(out)
