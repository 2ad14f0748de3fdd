"""The pages of `docs/methods/` have what the classes say, and every method is on one."""

import re

import pytest

import pyxai
from pyxai.methods import Method
from tools import methods_table
from tools.markers import rewrite

FOLDER = methods_table.FOLDER


def listed() -> set[str]:
    """The methods that the committed index has."""
    return set(re.findall(r"^\| \[`(\w+)`\]", (FOLDER / "README.md").read_text(), re.M))


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.md")))
def test_a_page_is_what_the_classes_say_of_the_methods_it_lists(name):
    """A method that was just dropped in may not be listed yet: it needs no other file than its own."""
    known = [method for method in methods_table.methods() if method.name in listed()]
    page = (FOLDER / name).read_text()
    assert rewrite(page, "methods", methods_table.pages(known)[name]) == page


def test_every_method_has_a_row_and_a_section_with_all_its_options():
    pages = methods_table.pages(methods_table.methods())
    for name in pyxai.list_methods():
        method = pyxai.methods.get_method(name)
        assert f"| [`{name}`]({method.family}.md#options-of-{name}) |" in pages["README.md"]
        section = (
            pages[f"{method.family}.md"].partition(f"### Options of `{name}`\n")[2].partition("\n### ")[0]
        )
        assert re.findall(r"^\| `(\w+)` \|", section, re.M) == list(method.options())


def test_every_family_has_a_page_with_a_picture():
    """But for attention, whose picture waits for a trained transformer."""
    for family in {pyxai.methods.get_method(name).family for name in listed()} - {"attention"}:
        page = (FOLDER / f"{family}.md").read_text()
        pictures = re.findall(r"^!\[.+\]\((pictures/\w+\.png)\)$", page, re.M)
        assert pictures, family
        assert all((FOLDER / picture).stat().st_size <= 60_000 for picture in pictures), family


def test_a_new_method_and_a_new_family_are_written(tmp_path, monkeypatch):
    class New(Method):
        """A new one.

        Attributes:
            factor: What it is multiplied by.
        """

        factor: float | None = 2.0

        def attribute(self, executor, request):
            raise NotImplementedError

    New.name, New.family = "new_one", "new_family"
    known = [*methods_table.methods(), New]
    monkeypatch.setattr(methods_table, "methods", lambda: known)
    for page in FOLDER.glob("*.md"):
        (tmp_path / page.name).write_text(page.read_text())
    arguments = ["--folder", str(tmp_path)]
    assert methods_table.main([*arguments, "--check"]) == 1 and not (tmp_path / "new_family.md").exists()
    assert methods_table.main(arguments) == 0
    page = (tmp_path / "new_family.md").read_text()
    assert page.startswith("# New family\n")
    assert "| `factor` | `float \\| None` | `2.0` | What it is multiplied by. |" in page
    assert "| [`new_one`](new_family.md#options-of-new_one) |" in (tmp_path / "README.md").read_text()
    assert methods_table.main([*arguments, "--check"]) == 0
