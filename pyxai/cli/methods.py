"""``pyxai methods``."""

from __future__ import annotations

from pyxai.cli.tables import print_table


def methods() -> None:
    """The methods with their families, what they need, and their options with types and defaults."""
    from pyxai.methods import get_method, list_methods

    rows = []
    for method in map(get_method, list_methods()):
        options = [
            f"{option.name}: {option.kind} = {option.default!r}" for option in method.options().values()
        ]
        rows.append([method.name, method.family, str(method.needs), "\n".join(options) or "none"])
    print_table(["method", "family", "needs", "options"], rows)
