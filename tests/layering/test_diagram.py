"""The diagram of rooms: levels, and the page it stands in."""

from tests.layering.diagram import BEGIN, END, PAGE, levels, page


def test_a_room_stands_above_all_that_it_imports():
    below = {"top": {"middle", "low"}, "middle": {"low"}, "low": set(), "alone": set()}
    assert levels(below) == [["alone", "low"], ["middle"], ["top"]]


def test_the_page_has_the_rooms_of_the_imports(planted):
    planted.write(PAGE, f"before\n{BEGIN}\nold\n{END}\nafter\n")
    made = page(planted.root)
    assert made.startswith(f"before\n{BEGIN}\n```\n") and made.endswith(f"\n```\n{END}\nafter\n")
    rows = [line.split() for line in made.splitlines() if line[:1] in " 0123456789" and line.strip()]
    assert rows == [
        ["2", "__init__", "high", "low"],
        ["1", "high", "low", "ops"],
        ["0", "_C", "-"],
        ["low", "-"],
        ["ops", "-"],
    ]
    planted.write(PAGE, made)
    assert page(planted.root) == made
