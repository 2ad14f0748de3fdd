"""Links between the pages lead somewhere; committed results name no place of the machine that made them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
RESULTS = [path for folder in ("benchmarks", "examples") for path in (ROOT / folder).rglob("results/*.json")]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(path):
    prose = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)  # f[0](x) in code is no link
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", prose):
        name, _, anchor = target.partition("#")
        page = path.parent / name if name else path
        assert page.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", page.read_text().lower(), re.M)
            assert anchor in {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


def places(text: str) -> list[str]:
    """Absolute paths of a machine in a text."""
    return re.findall(r"(?<![\w.])/(?:work|home|root|tmp|Users|mnt)/[^\s\"]*", text)


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_results_name_no_local_place(path):
    assert places(path.read_text()) == []


def test_local_places_are_seen():
    assert places('{"model": "dxai:/tmp/run", "data": "/home/me/data"}') == ["/tmp/run", "/home/me/data"]
    assert places('{"what": "pyxai/home/networks", "unit": "images/s"}') == []
