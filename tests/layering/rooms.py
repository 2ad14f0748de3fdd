"""Rules about imports: arrows between rooms, circles, private names, imports that only a run can tell."""

from __future__ import annotations

import ast
import graphlib
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from tests.layering.house import House
from tests.layering.package import COMPILED, NAME
from tests.layering.uses import by_text


def names_resolve(house: House) -> Iterator[str]:
    """Every name taken from the package leads to the file that defines it."""
    for use in house.uses:
        if use.found is None:
            yield f"{use.place}: {use.name} is defined nowhere (or is a relative import, or `*`)"


def files_have_rooms(house: House) -> Iterator[str]:
    """Every file belongs to a room, and every room has a file."""
    plan = house.plan
    files = [*house.package.trees, house.package.file(COMPILED)]
    inhabited = {plan.room(file) for file in files}
    for file in house.package.trees:
        if plan.room(file) is None:
            yield f"{file}:1: belongs to no room of tests/layers.toml"
    for room in plan.section("rooms"):
        if room not in inhabited:
            yield f"{plan.place('rooms', room)}: no file belongs to the room {room}"


def arrows_are_declared(house: House) -> Iterator[str]:
    """A room imports only rooms that it is declared to import."""
    last = {(arrow.use, arrow.upper, arrow.lower): arrow.target for arrow in house.arrows}
    for (use, upper, lower), target in last.items():
        if upper != lower and (upper, lower) not in house.plan.arrows:
            yield f"{use.place}: {upper} must not import {lower}, it takes {use.name} ({target})"


def declared_arrows_are_used(house: House) -> Iterator[str]:
    """Each declared arrow joins two rooms, has a reason, and is used."""
    plan = house.plan
    for (upper, lower), reason in plan.arrows.items():
        place = plan.place(f"arrows.{upper}", lower)
        if lower not in house.rooms.get(upper, ()):
            yield f"{place}: {upper} is declared to import {lower}, and does not"
        if not reason.strip():
            yield f"{place}: the arrow from {upper} to {lower} has no reason"


def rooms_have_levels(house: House) -> Iterator[str]:
    """No circle of rooms: arrows point down."""
    graph = defaultdict(set)
    for upper, lower in house.plan.arrows:
        graph[upper].add(lower)
    circle = _circle(graph)
    if circle:
        steps = pairwise(circle)
        places = (house.plan.place(f"arrows.{upper}", lower) for upper, lower in steps)
        yield f"{', '.join(places)}: a circle of rooms, {' -> '.join(circle)}"


def files_have_order(house: House) -> Iterator[str]:
    """No circle of files, through whatever imports: at the top, in a function, for the type checker.

    Two files that need each other, if only for their types, are one subject in two places.
    """
    places = {(arrow.source, arrow.target): arrow.use.place for arrow in house.arrows}
    graph = defaultdict(set)
    for source, target in places:
        graph[source].add(target)
    circle = _circle(graph)
    if circle:
        steps = pairwise(circle)
        yield f"{', '.join(places[step] for step in steps)}: a circle of files, {' -> '.join(circle)}"


def imports_by_text_are_declared(house: House) -> Iterator[str]:
    """What is imported stands there as a text, but in the files that are declared to find out in a run."""
    declared, found = house.plan.section("imports_by_text"), set()
    for file, line in by_text(house.package):
        name = file.removeprefix(f"{NAME}/")
        found.add(name)
        if name not in declared:
            yield f"{file}:{line}: imports what only a run can tell, and is not declared to"
    for name in declared.keys() - found:
        yield f"{house.plan.place('imports_by_text', name)}: {name} imports nothing that only a run can tell"


def private_names_stay(house: House) -> Iterator[str]:
    """A private module is used in its folder only, a private name in its room only."""
    declared, used = house.plan.section("private"), set()
    for place, user, owner, what in [*_private_imports(house), *_private_attributes(house)]:
        entry = f"{user} -> {owner}"
        used.add(entry)
        if entry not in declared:
            yield f"{place}: {what} is private to {owner}"
    for entry in declared.keys() - used:
        yield f"{house.plan.place('private', entry)}: {entry} is declared, and nobody does it"


def _private_imports(house: House) -> Iterator[tuple[str, str, str, str]]:
    """Place, user, owner and name of each private module or name imported from outside."""
    for use in house.uses:
        parts = use.name.split(".")
        for index, part in enumerate(parts):
            if not _is_private(part):
                continue
            owner = ".".join(parts[:index])
            if house.package.file(f"{owner}.{part}"):
                folder = owner.replace(".", "/")
                if not use.file.startswith(f"{folder}/"):
                    yield use.place, house.plan.room(use.file), f"{folder.removeprefix(f'{NAME}/')}", use.name
            elif use.found and use.found.files:
                room, own = house.plan.room(use.found.files[-1]), house.plan.room(use.file)
                if room != own:
                    yield use.place, own, room, use.name
            break


def _private_attributes(house: House) -> Iterator[tuple[str, str, str, str]]:
    """The same for ``value._name``, where only another room defines such a name."""
    owners = defaultdict(set)
    for file, tree in house.package.trees.items():
        for name in _defined_privately(tree):
            owners[name].add(house.plan.room(file))
    for file, tree in house.package.trees.items():
        own, foreign = house.plan.room(file), {"self", "cls", *_from_outside(tree)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or not _is_private(node.attr):
                continue
            rooms = owners.get(node.attr, set())
            if rooms and own not in rooms and ast.unparse(node.value) not in foreign:
                yield f"{file}:{node.lineno}", own, " or ".join(sorted(map(str, rooms))), ast.unparse(node)


def _from_outside(tree: ast.Module) -> Iterator[str]:
    """Names under which a file imports modules of other packages, whose private names are not ours."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.asname or alias.name for alias in node.names if not alias.name.startswith(NAME))


def _defined_privately(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = node.name
        elif isinstance(getattr(node, "ctx", None), ast.Store):
            own = isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in ("self", "cls")
            name = node.attr if own else getattr(node, "id", "")
        else:
            continue
        if _is_private(name):
            yield name


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name != "_"


def _circle(graph: dict[str, set[str]]) -> list[str]:
    """A circle of the graph, each node imports the next; empty where there is none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1][::-1]
    return []
