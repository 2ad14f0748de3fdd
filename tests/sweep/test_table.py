"""The table has every network of the sweep, and says what was found."""

from tests.sweep import table
from tests.sweep.__main__ import PAGE
from tests.sweep.architectures import ARCHITECTURES, Architecture
from tests.sweep.checks import CHECKS, Outcome
from tests.sweep.rows import Row
from tools.markers import markers

METHODS = [check.method for check in CHECKS]
WORKS = Outcome("works", "", {1: 1e-15, 2: 1e-16, 3: 0.0})


def row(name, family="Net", single=False, **outcomes):
    about = Architecture("timm", name, family, 32, lambda: None)
    return Row(about, 1234, single, {method: outcomes.get(method, WORKS) for method in METHODS})


def lines(rows):
    return table.table(rows).splitlines()


def test_a_network_has_a_line():
    assert lines([row("tiny")])[2] == "| Net | `tiny` | timm | 32² | 1,234 | ✓ | ✓ | ✓ | ✓ |"
    assert lines([row("tiny", single=True)])[2].startswith("| Net | `tiny` ᶠ |")


def test_networks_are_in_the_order_of_their_families():
    found = [
        line.split("`")[1] for line in lines([row("b", "Zeta"), row("c", "alpha"), row("a", "Beta")])[2:5]
    ]
    assert found == ["c", "a", "b"]


def test_what_is_said_stands_below_once_and_by_number():
    refused, differs = (
        Outcome("refused", "lrp: no rule for `sort`"),
        Outcome("differs", "by 1.0e-03 for 2 images"),
    )
    as_it_is = Outcome("works", "", {1: 0.0}, "torch.export: no")
    text = lines([row("a", lrp=refused, deeplift=differs), row("b", lrp=refused, gradient=as_it_is)])
    assert text[2].endswith("| ✓ | **differs** (1) | refused (2) | ✓ |")
    assert text[3].endswith("| ✓ (3) | ✓ | refused (2) | ✓ |")
    assert text[-3:] == [
        "1. by 1.0e-03 for 2 images",
        "2. lrp: no rule for `sort`",
        "3. runs as it is, for it was not captured: torch.export: no",
    ]


def test_kinds_are_counted():
    rows = [
        row("a", lrp=Outcome("refused", "lrp: `a`")),
        row("b", single=True, lrp=Outcome("fails", "KeyError")),
    ]
    assert table.counts(rows) == (
        "2 networks (1 with single precision inside, ᶠ): 6 ✓, 1 refused, 1 **fails**."
    )


def test_networks_with_constant_scores_are_named_and_not_counted():
    constant = Row(Architecture("timm", "still", "Net", 32, lambda: None), 0, False, {})
    text = table.table([row("a"), constant])
    assert "Left out, since random weights make their scores constant: `still`." in text
    assert "| `still`" not in text and "1 networks" in text


def test_names_are_of_one_network():
    names = [about.name for about in ARCHITECTURES]
    assert len(set(names)) == len(names)


def test_the_table_of_the_docs_has_every_network_and_none_that_differs():
    start, end = markers(table.SUBJECT)
    text = PAGE.read_text().partition(start)[2].partition(end)[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    networks = [line.split(" | ")[1].split("`")[1] for line in lines]
    left_out = text.partition("Left out")[2].partition("\n")[0].split("`")[1::2]
    assert sorted(networks + left_out) == sorted(about.name for about in ARCHITECTURES)
    assert len(networks) >= 60 and len({*networks}) == len(networks)
    assert table.WORDS["differs"] not in text and table.WORDS["fails"] not in text
