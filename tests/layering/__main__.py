"""``python -m tests.layering`` rewrites the diagram in docs/design.md and prints what breaks a rule."""

from pathlib import Path

from tests.layering.diagram import PAGE, page
from tests.layering.house import House
from tests.layering.rules import RULES

ROOT = Path(__file__).resolve().parents[2]

(ROOT / PAGE).write_text(page(ROOT))
faults = [fault for rule in RULES.values() for fault in rule(House(ROOT))]
print(*faults, sep="\n")
