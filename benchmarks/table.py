"""Turn `results/*.json` into tables, between two markers, so that no number there is typed by hand.

The README gets seven comparisons, `docs/benchmarks.md` all times and what goes with them, the page of feature
maps those of FEM, the page of visualizations the experiments on these. `python -m benchmarks.table` rewrites
all of them; `--check` only says whether they are up to date (exit code 1 if not).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.harness import RESULTS, ROOT, Claim, Fact, Group, Results, read_json, verdict
from pyxai.bench import paired_ratio, spread
from tools.markers import rewrite

SUBJECT = "benchmarks"
# What the README shows, met or not: one peer for each kind of work. What was measured, ours, and the peer.
SHORT = (
    ("Saliency, ResNet-18, 8 images of 224²", "pyxai", "Captum"),
    ("IG, 50 steps, ResNet-18, one 224² image", "pyxai", "Captum, default"),
    ("LRP epsilon_plus_flat, ResNet-18, 8 images of 224²", "pyxai", "zennit"),
    ("DeepLIFT, ResNet-18, 8 images of 224²", "Rescale", "Captum"),
    ("Grad-CAM, ResNet-18, 8 images of 224²", "pyxai", "pytorch-grad-cam"),
    ("CartoonX, a step, MobileNetV3-small, 256², 16 draws", "pyxai", "torch and pytorch-wavelets"),
    ("spectral residual, OpenCV's form (64² inside), 64 images of 64²", "pyxai", "OpenCV"),
)

# Experiments, which are not of time.
STUDIES = ("visualization_protocol", "visualization_attributes", "visualization_masks")
LAST_OF_LAYER = " · "  # between a layer and a series


def short(results: list[Results]) -> str:
    """Markdown of the comparisons that the README shows."""
    lines = ["| what | compared with | time of pyxai ÷ its time (quartiles) |", "|---|---|---|"]
    for group, claim in _claims(results):
        if (group.what, claim.ours, claim.peer) in SHORT:
            lines.append(f"| {_what(group, claim)} | {claim.peer} | {_ratio(group, claim)} |")
    return "\n".join(lines)


def comparisons(results: list[Results]) -> str:
    """Markdown of what was timed beside the floor or a peer."""
    lines = [
        "| what | compared with | it ÷ floor | pyxai ÷ floor | pyxai ÷ it (quartiles) | wanted |",
        "|---|---|---|---|---|---|",
    ]
    for group, claim in _claims(results):
        met = verdict(paired_ratio(group.seconds, claim.ours, claim.peer).median, claim.at_most)
        lines.append(
            f"| {_what(group, claim)} | {claim.peer} "
            f"| {_to_floor(group, claim.peer)} | {_to_floor(group, claim.ours)} "
            f"| {_ratio(group, claim)} | ≤ {claim.at_most:g}, {met} |"
        )
    return "\n".join(lines) if len(lines) > 2 else ""


def everything(results: list[Results]) -> str:
    """Markdown of all results: comparisons, native ops, other facts, and where they were measured."""
    ops = [(group, result) for result in results for group in result.groups if group.bytes is not None]
    facts = [fact for result in results for fact in result.facts]
    parts = [part for part in (comparisons(results),) if part]
    if ops:
        parts.append(_ops(ops))
    bounded = [fact for fact in facts if fact.wanted]
    if bounded:
        rows = [f"| {fact.what} | {_measured(fact)} | {_wanted(fact)} |" for fact in bounded]
        parts.append("\n".join(["| what | measured | wanted |", "|---|---|---|", *rows]))
    if len(bounded) < len(facts):
        rows = [f"| {fact.what} | {_measured(fact)} |" for fact in facts if not fact.wanted]
        rows = "\n".join(["| what | measured |", "|---|---|", *rows])
        parts.append(f"<details><summary>More figures</summary>\n\n{rows}\n\n</details>")
    parts.append("\n".join(f"* {_origin(result)}" for result in results))
    return "\n\n".join(parts)


def fem(results: list[Results]) -> str:
    """Markdown of how the maps of `bench_fem` agree with FEM's, and of their times."""
    lines = [
        "| map | PCC with `fem` | SIM with `fem` | time | ÷ that of `fem` (quartiles) |",
        "|---|---|---|---|---|",
    ]
    for result in results:
        for group in result.groups if result.subject == "fem" else ():
            for name in group.seconds:
                ratio, time = paired_ratio(group.seconds, name, "fem"), spread(group.seconds[name]).median
                facts = [fact for fact in result.facts if fact.what.startswith(f"FEM and {name},")]
                agreement = " | ".join(f"{fact.value:.2f}" for fact in facts) or "1 | 1"
                relative = f"{ratio.median:.1f} ({ratio.low:.1f} to {ratio.high:.1f})"
                lines.append(f"| `{name}` | {agreement} | {1e3 * time:.0f} ms | {relative} |")
    return "\n".join(lines)


def visualizations(results: list[Results]) -> str:
    """Markdown of the experiments on visualizations: a table for each layer, and one of attributes."""
    facts = {result.subject: result for result in results if result.subject in STUDIES}
    parts = []
    if protocol := facts.get(STUDIES[0]):
        known = {fact.what: fact.value for fact in protocol.facts}
        layers: dict[str, list[str]] = {}
        for what in known:
            place, _, series = what.partition(":")[0].rpartition(LAST_OF_LAYER)
            names = layers.setdefault(place, [])
            if series not in names:
                names.append(series)
        for layer, names in layers.items():
            rows = [_series(known, f"{layer}{LAST_OF_LAYER}{name}", name) for name in names]
            head = (
                "correlation",
                "s.d. of images, seeds",
                "with the attributions",
                "among the best",
                "s.d. of seeds",
            )
            parts.append("\n".join([f"| {layer} | {' | '.join(head)} |", "|---|---|---|---|---|---|", *rows]))
    if attributes := facts.get(STUDIES[1]):
        known = {fact.what: fact.value for fact in attributes.facts}
        names = list(dict.fromkeys(what.partition(":")[0] for what in known))
        columns = [what.partition(": ")[2] for what in known if what.startswith(f"{names[0]}: ")]
        columns = [column for column in columns if "s.d." not in column]
        rows = [
            f"| {name} | "
            + " | ".join(
                f"{known[f'{name}: {column}']:.2f} ± {known[f'{name}: {column}, s.d. of seeds']:.2f}"
                for column in columns
            )
            + " |"
            for name in names
        ]
        head = [f"| coloured shapes | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]
        parts.append("\n".join([*head, *rows]))
    if masks := facts.get(STUDIES[2]):
        rows = [f"| {fact.what} | {_measured(fact)} | {_wanted(fact)} |" for fact in masks.facts]
        parts.append("\n".join(["| masks | measured | wanted |", "|---|---|---|", *rows]))
    parts += ["\n".join(f"* {_origin(result)}" for result in facts.values())] if facts else []
    return "\n\n".join(parts)


def _series(known: dict[str, float], place: str, name: str) -> str:
    """A row of the table of a layer; what is not known is left empty."""

    def shown(what: str) -> str:
        return f"{known[f'{place}: {what}']:.2f}" if f"{place}: {what}" in known else ""

    spread = [shown(f"correlation, s.d. of {of}") for of in ("images", "seeds")]
    cells = [
        shown("correlation"),
        ", ".join(part for part in spread if part),
        shown("correlation with the attributions"),
        shown("class among the best"),
        shown("class among the best, s.d. of seeds"),
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _claims(results: list[Results]) -> list[tuple[Group, Claim]]:
    """What was timed beside the floor or a peer, all but the operators."""
    groups = [group for result in results for group in result.groups if group.bytes is None]
    return [(group, claim) for group in groups for claim in group.claims]


def _what(group: Group, claim: Claim) -> str:
    form = claim.ours.removeprefix("pyxai").lstrip(", ")
    return f"{group.what}{form and f': {form}'}"


def _ratio(group: Group, claim: Claim) -> str:
    ratio = paired_ratio(group.seconds, claim.ours, claim.peer)
    return f"**{ratio.median:.2f}** ({ratio.low:.2f} to {ratio.high:.2f})"


def _to_floor(group: Group, name: str) -> str:
    return f"{paired_ratio(group.seconds, name, 'floor').median:.2f}" if "floor" in group.seconds else ""


def _ops(pairs: list[tuple[Group, Results]]) -> str:
    lines = [
        "| op | time | GB/s | of a copy | ÷ eager torch (quartiles) | wanted |",
        "|---|---|---|---|---|---|",
    ]
    for group, result in pairs:
        time = spread(group.seconds["native"]).median
        share = group.bytes / time / result.copy_bytes_per_second
        ratio = paired_ratio(group.seconds, "native", "eager")
        wanted = "".join(f"≤ {c.at_most:g}, {verdict(ratio.median, c.at_most)}" for c in group.claims)
        lines.append(
            f"| {group.what} | {1e3 * time:.2f} ms | {group.bytes / time / 1e9:.0f} | {share:.0%} "
            f"| **{ratio.median:.2f}** ({ratio.low:.2f} to {ratio.high:.2f}) | {wanted} |"
        )
    return "\n".join(lines)


def _measured(fact: Fact) -> str:
    whole = 1000 <= abs(fact.value) < 1e9  # beyond, digits say nothing
    number = f"{fact.value:.0f}" if whole else f"{fact.value:.3g}"
    return f"{number} {fact.unit}".strip()


def _wanted(fact: Fact) -> str:
    if not fact.wanted:
        return ""
    bound = fact.wanted.replace("<=", "≤").replace(">=", "≥")
    return f"{bound}, {'met' if fact.holds() else 'NOT met'}"


def _origin(result: Results) -> str:
    m = result.machine
    where = m["gpu"] or f"{m['cpu']}, {m['threads']} threads"
    rounds = {len(next(iter(group.seconds.values()))) for group in result.groups}
    counted = f", {min(rounds)} interleaved rounds" if rounds else ""
    script = result.subject if result.subject in STUDIES else f"bench_{result.subject}"
    return (
        f"`{script}`: {where}, torch {m['torch']}{counted}, commit {m['commit'][:10]}, "
        f"{m['time'][:10]}, load {m['load']} at the start"
    )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail if a page is out of date")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of the pages")
    arguments = parser.parse_args(argv)
    results = [read_json(path) for path in sorted(arguments.results.glob("*.json"))]
    stale = 0
    pages = {
        "README.md": short(results),
        "docs/benchmarks.md": everything([result for result in results if result.subject not in STUDIES]),
        "docs/methods/feature_map.md": fem(results),
        "docs/methods/visualization.md": visualizations(results),
    }
    for name, text in pages.items():
        page = arguments.root / name
        old = page.read_text()
        new = rewrite(old, SUBJECT, text)
        if arguments.check and new != old:
            print(f"{page} is out of date: run `python -m benchmarks.table`")
            stale = 1
        if not arguments.check:
            page.write_text(new)
    return stale


if __name__ == "__main__":
    sys.exit(main())
