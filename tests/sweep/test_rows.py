"""A sweep of a network, and the command that prints it."""

import pickle

import pytest
import torch
from torch import nn

from pyxai.capture import export
from tests.sweep import __main__ as command
from tests.sweep import rows
from tests.sweep.architectures import ARCHITECTURES, Architecture, Constant, named
from tests.sweep.checks import CHECKS, logits
from tests.sweep.rows import each, one_trace, sweep
from tests.sweep.table import SUBJECT
from tools.markers import markers

SIZE = 8


class Small(nn.Module):
    """A convolution and scores; a class of transformers gives an object, which has them as ``logits``."""

    def __init__(self):
        super().__init__()
        self.first, self.scores = nn.Conv2d(3, 4, 3), nn.Linear(4, 5)

    def forward(self, x):
        return self.scores(self.first(x).relu().mean((2, 3)))


class Wrong(torch.autograd.Function):
    """The identity, whose gradient is not its derivative."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, signal):
        return 2 * signal


class Still(Small):
    """Its scores do not depend on the image."""

    def forward(self, x):
        return super().forward(torch.ones_like(x))


def architecture(kind, name="small"):
    return Architecture("timm", name, "Net", SIZE, kind)


def test_a_row_has_all_methods():
    row = sweep(architecture(Small))
    assert {method: outcome.kind for method, outcome in row.outcomes.items()} == dict.fromkeys(
        (check.method for check in CHECKS), "works"
    )
    assert row.parameters == 3 * 4 * 9 + 4 + 4 * 5 + 5 and not row.single


def test_subjects_are_the_same_every_time_and_ask_for_several_classes():
    first, second = architecture(Small).subject(), architecture(Small).subject()
    for one, two in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(one, two) and one.dtype == torch.float64 and not one.requires_grad
    assert torch.equal(first.images, second.images) and torch.equal(first.baseline, second.baseline)
    assert not torch.equal(first.images[0], first.baseline)
    best = logits(first.model, first.images).argsort(1, descending=True)
    assert first.targets.tolist() == [best[0, 0], best[1, 1], best[2, 2]]
    assert not first.model.training


def test_constant_scores_have_no_outcomes():
    with pytest.raises(Constant):
        architecture(Still).subject()
    assert sweep(architecture(Still)).outcomes == {}


def test_one_trace_serves_explainers_of_one_model_and_of_no_other(monkeypatch):
    made, trace = [], export._trace
    monkeypatch.setattr(export, "_trace", lambda *arguments: made.append(arguments) or trace(*arguments))
    before = export._trace
    for _ in range(2):
        sweep(architecture(Small))
    assert len(made) == 2 and export._trace is before
    with pytest.raises(KeyError), one_trace():
        raise KeyError
    assert export._trace is before


# --- the command --------------------------------------------------------------------------------------------


@pytest.fixture
def listed(monkeypatch):
    """The sweep's networks, as a list to write to."""
    networks = [architecture(Small), architecture(Still, "still")]
    monkeypatch.setattr(command, "ARCHITECTURES", networks)
    monkeypatch.setattr(torch, "set_num_threads", lambda threads: None)
    return networks


def test_networks_are_printed_as_they_are_done(listed, capsys):
    assert command.main([]) == 0
    first, second, counted = capsys.readouterr().out.splitlines()
    assert first.startswith("timm         small") and "guided_backprop" in first
    assert second.endswith("constant scores") and counted.startswith("1 networks")


def test_some_networks_are_chosen_by_name(listed, capsys):
    assert command.main(["still"]) == 0
    assert "small" not in capsys.readouterr().out


def test_a_wrong_map_is_an_error(listed, capsys, monkeypatch):
    monkeypatch.setattr(rows, "sweep", lambda about: _differing(about))
    assert command.main(["small"]) == 1
    assert "gradient: by 1.0e-03" in capsys.readouterr().out


def _differing(about):
    from tests.sweep.checks import Outcome
    from tests.sweep.rows import Row

    differs = Outcome("differs", "by 1.0e-03 for 1 images")
    return Row(about, 1, False, {check.method: differs for check in CHECKS})


def test_names_of_no_network_are_refused(listed):
    with pytest.raises(SystemExit, match="2"):
        command.main(["large"])


def test_the_table_is_written_into_the_page_and_is_of_all(listed, tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text("Before.\n\n{}\nold\n{}\n\nAfter.\n".format(*markers(SUBJECT)))
    monkeypatch.setattr(command, "PAGE", page)
    with pytest.raises(SystemExit, match="2"):
        command.main(["--write", "small"])
    assert "\nold\n" in page.read_text()
    assert command.main(["--write"]) == 0
    text = page.read_text()
    assert "| `small` |" in text and "`still`" in text and "old" not in text
    assert text.startswith("Before.") and text.endswith("After.\n")


@pytest.mark.slow
def test_networks_are_found_by_name_in_another_process():
    about = ARCHITECTURES[3]
    assert pickle.loads(pickle.dumps(about)) is about
    (row, _), (other, _) = each([named("squeezenet1_1"), named("test_resnet")], 2)
    assert (row.architecture.name, other.architecture.name) == ("squeezenet1_1", "test_resnet")
    assert {outcome.kind for outcome in row.outcomes.values()} == {"works"}
