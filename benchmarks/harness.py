"""How every benchmark measures, and the form in which it leaves its numbers.

Two things timed on a shared machine minutes apart cannot be compared. So everything that is to be compared
runs *interleaved* (A B C A B C …), and a ratio is the median over the rounds of the ratio within a round,
given with its quartiles. The raw seconds of every round are stored; medians and ratios are derived from them
by `statistics`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from pyxai.bench import MEASUREMENT, ROUNDS, interleave, paired_ratio, spread

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).resolve().parent / "results"

# --- measuring ----------------------------------------------------------------------------------------------


def copy_bandwidth(device: str = "cpu", megabytes: int = 256, rounds: int = ROUNDS) -> float:
    """Bytes read plus bytes written per second by a plain copy of a tensor larger than any cache."""
    source = torch.ones(megabytes * 2**18, device=device)
    target = torch.empty_like(source)
    seconds = interleave({"copy": lambda: target.copy_(source)}, rounds)["copy"]
    return 2 * source.nbytes / statistics.median(seconds)


@dataclass(frozen=True)
class Memory:
    """Resident bytes before a call and the highest during it."""

    before: int
    peak: int

    @property
    def added(self) -> int:
        return self.peak - self.before


def peak_memory(function: str, **arguments: object) -> Memory:
    """Memory of one call, measured in a fresh process.

    `function` is `module:name` of a function that prepares everything, its arguments JSON, and returns the
    callable to be measured. The kernel's high-water mark is read, not `ru_maxrss`, which a child inherits
    from its parent.
    """
    command = [sys.executable, "-m", "benchmarks.memory", function, json.dumps(arguments)]
    env = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**16)}
    output = subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True).stdout
    return Memory(**json.loads(output.splitlines()[-1]))


def machine() -> dict[str, object]:
    """What a reader must know to compare these numbers with others."""
    commit = _git("rev-parse", "HEAD")
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "onednn": torch.backends.mkldnn.is_available(),
        "mkl": torch.backends.mkl.is_available(),
        "isa": torch.backends.cpu.get_cpu_capability(),
        "commit": commit + ("+changes" if _git("status", "--porcelain", "--untracked-files=no") else ""),
        "load": round(os.getloadavg()[0], 2),
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }


def _cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _git(*arguments: str) -> str:
    result = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return result.stdout.strip()


# --- the form of the results --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claim:
    """`ours` takes at most `at_most` times as long as `peer`; names of one group. `peer` "floor" is no
    peer.
    """

    ours: str
    peer: str
    at_most: float


@dataclass
class Group:
    """Things timed in one interleaved run. `bytes`: what one call of a native op must move, for its
    bandwidth.
    """

    what: str
    seconds: dict[str, list[float]]
    claims: list[Claim] = field(default_factory=list)
    bytes: int | None = None


@dataclass(frozen=True)
class Fact:
    """One measured number that is not a time. `wanted`: "" or a bound such as "<= 1.3" or ">= 0.95"."""

    what: str
    value: float
    unit: str = ""
    wanted: str = ""

    def holds(self) -> bool:
        """Whether the bound is kept; true where none is set."""
        if not self.wanted:
            return True
        sign, bound = self.wanted.split()
        return self.value <= float(bound) if sign == "<=" else self.value >= float(bound)


@dataclass
class Results:
    """Everything one benchmark measured."""

    subject: str
    machine: dict[str, object]
    groups: list[Group] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    copy_bytes_per_second: float | None = None

    def add(
        self, what: str, seconds: dict[str, list[float]], *claims: Claim, bytes: int | None = None
    ) -> None:
        """Keep one interleaved run and print it."""
        group = Group(what, seconds, list(claims), bytes)
        self.groups.append(group)
        reference = "floor" if "floor" in seconds else next(iter(seconds))
        print(what)
        for name in seconds:
            time_, ratio = spread(seconds[name]), paired_ratio(seconds, name, reference)
            print(
                f"  {name:34} {1e3 * time_.median:10.2f} ms   {ratio.median:6.3f} of {reference}"
                f"   [{ratio.low:.3f} … {ratio.high:.3f}]"
            )
        for claim in claims:
            ratio = paired_ratio(seconds, claim.ours, claim.peer)
            print(
                f"  {claim.ours} ÷ {claim.peer}: {ratio.median:.3f} [{ratio.low:.3f} … {ratio.high:.3f}], "
                f"wanted <= {claim.at_most}: {verdict(ratio.median, claim.at_most)}"
            )
        sys.stdout.flush()

    def state(self, what: str, value: float, unit: str = "", wanted: str = "") -> None:
        """Keep one fact and print it."""
        fact = Fact(what, float(value), unit, wanted)
        self.facts.append(fact)
        bound = f", wanted {wanted}: {'met' if fact.holds() else 'NOT met'}" if wanted else ""
        print(f"{what}: {fact.value:.6g} {unit}{bound}", flush=True)


def verdict(ratio: float, at_most: float) -> str:
    """`met`, `met within 5 %` (the noise of such a measurement) or `NOT met`."""
    return "met" if ratio <= at_most else "met within 5 %" if ratio <= 1.05 * at_most else "NOT met"


def write_json(results: Results, folder: Path = RESULTS) -> Path:
    """Write `folder/<subject>.json` after checking it against the schema; returns the path."""
    document = asdict(results)
    parse(document)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{results.subject}.json"
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return path


def read_json(path: Path) -> Results:
    """Read and check a file of `write_json`."""
    try:
        return parse(json.loads(path.read_text()))
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error


def parse(document: dict) -> Results:
    """Build `Results` from plain JSON values; `ValueError` names what does not fit."""
    _keys(document, Results, "results")
    groups = []
    for group in document["groups"]:
        _keys(group, Group, "group")
        for claim in group["claims"]:
            _keys(claim, Claim, f"{group['what']}: claim")
        claims = [Claim(**claim) for claim in group["claims"]]
        seconds = group["seconds"]
        lengths = {len(values) for values in seconds.values()}
        if (
            len(lengths) != 1
            or lengths == {0}
            or not all(s > 0 for values in seconds.values() for s in values)
        ):
            raise ValueError(f"{group['what']}: needs the same number of positive seconds for every name")
        for claim in claims:
            if not {claim.ours, claim.peer} <= seconds.keys():
                raise ValueError(
                    f"{group['what']}: a claim names {claim.ours!r} and {claim.peer!r}, not measured"
                )
        groups.append(Group(group["what"], seconds, claims, group["bytes"]))
    facts = []
    for fact in document["facts"]:
        _keys(fact, Fact, "fact")
        facts.append(Fact(**fact))
        if fact["wanted"] and fact["wanted"].split()[0] not in ("<=", ">="):
            raise ValueError(
                f"{fact['what']}: `wanted` must be a bound such as '<= 1.3', got {fact['wanted']!r}"
            )
    missing = {"cpu", "gpu", "cores", "threads", "torch", "commit", "load", "time"} - document[
        "machine"
    ].keys()
    if missing:
        raise ValueError(f"machine: lacks {', '.join(sorted(missing))}")
    bandwidth = document["copy_bytes_per_second"]
    return Results(document["subject"], document["machine"], groups, facts, bandwidth)


def _keys(values: dict, form: type, where: str) -> None:
    wanted = set(form.__dataclass_fields__)
    if values.keys() != wanted:
        wrong = ", ".join(sorted(values.keys() ^ wanted))
        raise ValueError(
            f"{where}: must have exactly {', '.join(sorted(wanted))}; missing or unknown: {wrong}"
        )


# --- command line -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Options:
    """What every benchmark is asked.

    `quick` measures small things three times; `only` is the part that is measured, of a benchmark that has
    parts. Neither is stored.
    """

    quick: bool
    rounds: int
    device: str
    out: Path
    only: str | None = None

    @property
    def at_least(self) -> float:
        """Seconds of a measurement; shorter on a GPU, where all of `gpu.sh` has ten minutes."""
        return MEASUREMENT if self.device == "cpu" else 0.05


def options(description: str | None, argv: list[str] | None = None, parts: Sequence[str] = ()) -> Options:
    """Parse the arguments every benchmark takes, and set the number of threads; TF32 is off for all alike.

    A benchmark with `parts` takes `--only PART`, too.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="small sizes, three rounds, nothing stored")
    parser.add_argument(
        "--rounds", type=int, help=f"interleaved rounds (default {ROUNDS}, at least {ROUNDS})"
    )
    parser.add_argument("--threads", type=int, default=2, help="threads of torch (default 2)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON file")
    if parts:
        parser.add_argument("--only", choices=parts, metavar="PART", help="measure one part, nothing stored")
    arguments = parser.parse_args(argv)
    if arguments.rounds is not None and arguments.rounds < ROUNDS and not arguments.quick:
        parser.error(f"--rounds must be at least {ROUNDS}: fewer give no spread")
    torch.set_num_threads(arguments.threads)
    torch.backends.cudnn.allow_tf32 = False
    rounds = arguments.rounds or (3 if arguments.quick else ROUNDS)
    only = getattr(arguments, "only", None)
    return Options(arguments.quick, rounds, arguments.device, arguments.out, only)


def begin(subject: str, options: Options) -> Results:
    """Empty results of `subject` on this machine, with the load it starts under; `<subject>-cuda` on a
    GPU.
    """
    on_gpu = options.device == "cuda"
    about = machine() | {"gpu": torch.cuda.get_device_name() if on_gpu else ""}
    return Results(f"{subject}-cuda" if on_gpu else subject, about)


def finish(results: Results, options: Options) -> None:
    """Store the results, unless the run was a quick one, or of a part."""
    if options.quick or options.only:
        print(f"{'quick run' if options.quick else options.only}: nothing stored")
    else:
        print(f"stored {write_json(results, options.out)}")


def run_parts(
    subject: str, description: str | None, parts: dict[str, Callable[[Results, Options], None]]
) -> None:
    """Be the command of a benchmark that has parts: measure all of them, or the one that is asked for."""
    chosen = options(description, parts=tuple(parts))
    results = begin(subject, chosen)
    for name, part in parts.items():
        if chosen.only in (None, name):
            part(results, chosen)
    finish(results, chosen)
