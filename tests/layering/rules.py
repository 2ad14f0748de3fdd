"""Every rule by its name: a function from a house to its faults, each ``file:line: what is wrong``."""

from collections.abc import Callable, Iterator

from tests.layering import files, native, rooms
from tests.layering.house import House

RULES: dict[str, Callable[[House], Iterator[str]]] = {
    rule.__name__: rule
    for rule in (
        rooms.names_resolve,
        rooms.files_have_rooms,
        rooms.arrows_are_declared,
        rooms.declared_arrows_are_used,
        rooms.rooms_have_levels,
        rooms.files_have_order,
        rooms.imports_by_text_are_declared,
        rooms.private_names_stay,
        native.torch_has_one_door,
        native.processors_stay_apart,
        native.kernels_include_little,
        files.ops_have_one_stem,
        files.sources_have_tests,
        files.sizes_are_small,
    )
}
