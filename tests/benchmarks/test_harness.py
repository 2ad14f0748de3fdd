"""The harness measures what it says, its files are checked, and the pages' tables are theirs."""

from __future__ import annotations

import copy
from dataclasses import asdict

import pytest
import torch

from benchmarks import harness, table
from tools.markers import markers, rewrite

START, END = markers("benchmarks")


def measured() -> harness.Results:
    results = harness.begin("example", harness.options(None, []))
    results.copy_bytes_per_second = 4e10
    seconds = {"floor": [1.0, 1.1, 0.9], "captum": [2.0, 2.2, 1.8], "pyxai": [1.0, 1.32, 0.72]}
    results.add("Saliency, tiny net", seconds, harness.Claim("pyxai", "captum", 0.49))
    results.add(
        "copy two numbers",
        {"eager": [2e-3, 2e-3], "native": [1e-3, 1e-3]},
        harness.Claim("native", "eager", 1.0),
        bytes=10_000_000,
    )
    results.state("peak memory, 256 against 8 steps", 1.25, wanted="<= 1.3")
    results.state("photographs within 0.05", 0.9, wanted=">= 0.95")
    results.state("evaluations", 54, "an image")
    return results


def allocate(megabytes: int):
    """For the test below: a call that touches this much memory."""
    return lambda: bytearray(b"x" * (megabytes << 19)) + bytearray(megabytes << 19)


def test_peak_memory_sees_the_call_only():
    function = "tests.benchmarks.test_harness:allocate"
    small, large = (harness.peak_memory(function, megabytes=size).added / 2**20 for size in (16, 160))
    assert 100 < large - small < 400


def test_copy_bandwidth_is_plausible():
    assert 1e9 < harness.copy_bandwidth(megabytes=32, rounds=3) < 1e13


def test_results_survive_the_file(tmp_path):
    results = measured()
    assert harness.read_json(harness.write_json(results, tmp_path)) == results
    assert [path.name for path in tmp_path.iterdir()] == ["example.json"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("facts"), "missing or unknown: facts"),
        (lambda d: d["groups"][0].update(extra=1), "missing or unknown: extra"),
        (lambda d: d["groups"][0]["seconds"].update(pyxai=[1.0]), "same number of positive seconds"),
        (
            lambda d: d["groups"][0]["seconds"].update(pyxai=[1.0, 0.0, 1.0]),
            "same number of positive seconds",
        ),
        (lambda d: d["groups"][0]["claims"][0].update(peer="zennit"), "'zennit', not measured"),
        (lambda d: d["facts"][0].update(wanted="about 3"), "must be a bound"),
        (lambda d: d["machine"].pop("commit"), "machine: lacks commit"),
    ],
)
def test_wrong_documents_are_refused(change, message):
    document = copy.deepcopy(asdict(measured()))
    change(document)
    with pytest.raises(ValueError, match=message):
        harness.parse(document)


def test_verdict_knows_the_noise():
    assert harness.verdict(0.65, 0.65) == "met"
    assert harness.verdict(0.68, 0.65) == "met within 5 %"
    assert harness.verdict(0.69, 0.65) == "NOT met"


def test_table_shows_ratios_bandwidth_and_facts():
    text = table.everything([measured()])
    assert (
        "| Saliency, tiny net | captum | 2.00 | 1.00 | **0.50** (0.45 to 0.55) | ≤ 0.49, met within 5 % |"
        in text
    )
    assert "| copy two numbers | 1.00 ms | 10 | 25% | **0.50** (0.50 to 0.50) | ≤ 1, met |" in text
    assert "| peak memory, 256 against 8 steps | 1.25 | ≤ 1.3, met |" in text
    assert "| photographs within 0.05 | 0.9 | ≥ 0.95, NOT met |" in text
    assert "| evaluations | 54 an image |" in text.partition("More figures")[2]


def test_pages_are_rewritten_between_the_markers_and_checked(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "SHORT", [("Saliency, tiny net", "pyxai", "captum")])
    harness.write_json(measured(), tmp_path / "results")
    (tmp_path / "docs/methods").mkdir(parents=True)
    readme, page = tmp_path / "README.md", tmp_path / "docs/benchmarks.md"
    methods = [tmp_path / "docs/methods" / f"{family}.md" for family in ("feature_map", "visualization")]
    for path in (readme, page, *methods):
        path.write_text(f"# Title\n\n{START}\nold\n{END}\n\nThe end.\n")
    arguments = ["--results", str(tmp_path / "results"), "--root", str(tmp_path)]
    assert table.main([*arguments, "--check"]) == 1
    assert "old" in readme.read_text() and "old" in page.read_text()
    assert table.main(arguments) == 0
    for path in (readme, page):
        assert path.read_text().startswith("# Title\n\n")
        assert path.read_text().endswith("\n\nThe end.\n")
        assert "tiny net" in path.read_text() and "old" not in path.read_text()
    assert "photographs within" in page.read_text() and "photographs within" not in readme.read_text()
    assert table.main([*arguments, "--check"]) == 0


def test_the_page_of_fem_has_agreement_and_time():
    seconds = {"fem": [1.0, 1.0, 1.0], "saliency": [2.5, 2.5, 2.5]}
    results = harness.Results("fem", {}, [harness.Group("times", seconds, [], None)])
    results.facts = [
        harness.Fact("FEM and saliency, few: PCC", 0.456),
        harness.Fact("FEM and saliency, few: SIM", 0.5),
    ]
    head, line, *rows = table.fem([measured(), results]).splitlines()
    assert len({row.count("|") for row in (head, line, *rows)}) == 1
    assert rows == [
        "| `fem` | 1 | 1 | 1000 ms | 1.0 (1.0 to 1.0) |",
        "| `saliency` | 0.46 | 0.50 | 2500 ms | 2.5 (2.5 to 2.5) |",
    ]


def test_the_page_of_visualizations_has_a_table_for_each_layer_and_one_of_attributes():
    layer, last = "ResNet-20, CIFAR-10, layer1", table.LAST_OF_LAYER
    measured = {
        f"{layer}{last}attributions themselves: class among the best": 0.75,
        f"{layer}{last}attributions, blur: correlation": 0.456,
        f"{layer}{last}attributions, blur: correlation, s.d. of images": 0.1,
        f"{layer}{last}attributions, blur: correlation, s.d. of seeds": 0.02,
        f"{layer}{last}attributions, blur: class among the best": 1.0,
    }
    read = {"no mask: colour read": 0.5, "no mask: colour read, s.d. of seeds": 0.25}
    about = {"gpu": "", "cpu": "x", "threads": 2, "torch": "2", "commit": "c", "time": "t", "load": 1}
    results = [
        harness.Results(subject, about, facts=[harness.Fact(*pair) for pair in facts.items()])
        for subject, facts in zip(table.STUDIES[:2], (measured, read), strict=True)
    ]
    masks = [harness.Fact("area", 0.04, wanted="<= 0.05"), harness.Fact("greatest", 0.5)]
    results.append(harness.Results(table.STUDIES[2], about, facts=masks))
    text = table.visualizations(results)
    assert f"| {layer} | correlation |" in text
    assert "| attributions themselves |  |  |  | 0.75 |  |" in text
    assert "| attributions, blur | 0.46 | 0.10, 0.02 |  | 1.00 |  |" in text
    assert "| coloured shapes | colour read |\n|---|---|\n| no mask | 0.50 ± 0.25 |" in text
    assert "| area | 0.04 | ≤ 0.05, met |\n| greatest | 0.5 |  |" in text
    assert "* `visualization_protocol`: x, 2 threads" in text
    assert table.visualizations([]) == ""


@pytest.mark.parametrize("page", ["no markers", f"{END} {START}", START * 2 + END])
def test_a_page_without_markers_is_refused(page):
    with pytest.raises(ValueError, match="must contain"):
        rewrite(page, "benchmarks", "text")


@pytest.mark.skipif(not (harness.ROOT / "README.md").exists(), reason="no README: an installed copy")
def test_the_pages_are_up_to_date():
    assert table.main(["--check"]) == 0


def test_the_readme_shows_all_that_it_is_to_show():
    rows = table.short([harness.read_json(path) for path in harness.RESULTS.glob("*.json")]).splitlines()[2:]
    assert len(rows) == len(table.SHORT) <= 7


def test_too_few_rounds_are_refused(capsys):
    with pytest.raises(SystemExit):
        harness.options("a benchmark", ["--rounds", "3"])
    assert "at least 7" in capsys.readouterr().err
    assert harness.options("a benchmark", ["--quick", "--threads", str(torch.get_num_threads())]).rounds == 3
