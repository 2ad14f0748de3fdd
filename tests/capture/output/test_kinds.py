"""What an output means: by the end of the graph, by what is asked for, or by the values alone."""

import pytest
import torch

from pyxai.capture.output.kinds import Asked, settle

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]], dtype=torch.float64)
ONE = torch.tensor([[0.25], [0.75]], dtype=torch.float64)
LOGIT = torch.tensor([[-0.25], [0.75]], dtype=torch.float64)
P = LOGITS.softmax(1)


@pytest.mark.parametrize(
    "asked, values, end, kind, taken_off, told",
    [
        ("auto", LOGITS, "", "scores", False, ""),
        ("auto", P, "softmax", "scores", True, "softmax"),
        ("auto", P.log(), "log_softmax", "scores", True, "log_softmax"),
        ("auto", LOGITS.sigmoid(), "sigmoid", "scores", True, "sigmoid"),
        ("auto", ONE, "sigmoid", "binary", True, "sigmoid"),
        ("auto", LOGIT, "", "value", False, ""),
        ("value", ONE, "", "value", False, ""),
        ("scores", P, "softmax", "scores", True, "softmax"),
        ("scores", LOGITS.sigmoid(), "", "scores", False, ""),
        ("probabilities", P, "softmax", "probabilities", False, "softmax"),
        ("probabilities", P, "", "probabilities", False, "softmax"),
        ("probabilities", P.log(), "", "probabilities", False, "log_softmax"),
        ("probabilities", LOGITS.sigmoid(), "", "probabilities", False, "sigmoid"),
        ("probabilities", ONE, "", "probabilities", False, "sigmoid"),
        ("value", ONE, "sigmoid", "value", False, ""),
        ("binary", LOGIT, "", "binary", False, ""),
        ("binary", ONE, "sigmoid", "binary", True, "sigmoid"),
    ],
)
def test_kinds(asked, values, end, kind, taken_off, told):
    output = settle(Asked(asked), values, end)
    assert (output.kind, output.taken_off, output.end, output.doubt) == (kind, taken_off, told, "")
    assert output.width(values) == output.scores(values).shape[1]


def test_a_method_may_take_one_output_for_a_logit():
    assert settle(Asked(single="binary"), ONE, "").kind == "binary"
    assert settle(Asked(single="binary"), LOGITS, "").kind == "scores"


@pytest.mark.parametrize("values", [P, P.log(), P.float(), P.half(), P.bfloat16()])
def test_rows_that_are_probabilities_are_taken_for_such_with_a_word(values):
    output = settle(Asked(), values, "")
    assert output.kind == "probabilities" and "no softmax that can be taken off" in output.doubt


@pytest.mark.parametrize(
    "values", [P * 0.9, P - 0.5, torch.eye(3).double() * 2, P[:, :2], P + torch.tensor([0.01, -0.02, 0.0])]
)
def test_rows_that_are_none_are_scores(values):
    assert settle(Asked(), values, "").kind == "scores"


LABELS = (LOGITS.sigmoid() + LOGITS.sigmoid().flip(1)) / 2
HEADS = torch.cat([P, P.flip(1)], 1)


@pytest.mark.parametrize("values", [LABELS, HEADS, 1 - P, LABELS.half(), P.reshape(2, 1, 3).expand(2, 4, 3)])
def test_outputs_between_0_and_1_are_scores_with_a_word(values):
    output = settle(Asked(), values, "")
    assert output.kind == "scores" and "lie between 0 and 1" in output.doubt
    for kind in ("scores", "probabilities"):
        assert not settle(Asked(kind), values, "").doubt


@pytest.mark.parametrize("values", [2 * LABELS, LABELS - 0.5, torch.ones(2, 3), torch.ones(2, 3).long()])
def test_outputs_of_other_values_are_scores_without_one(values):
    assert (settle(Asked(), values, "").kind, settle(Asked(), values, "").doubt) == ("scores", "")


def test_probabilities_taken_for_logits_are_said_to_be():
    for asked in (Asked("binary"), Asked(single="binary")):
        assert "those above 0 mean class 1" in settle(asked, ONE, "").doubt
        assert not settle(asked, LOGIT, "").doubt
        assert not settle(asked, ONE, "sigmoid").doubt
    assert "'value' says so without this warning" in settle(Asked(), ONE, "").doubt
    for told in ("value", "probabilities"):
        assert not settle(Asked(told), ONE, "").doubt
    assert not settle(Asked(), LOGIT, "").doubt


@pytest.mark.parametrize("values", [P, P.log(), P.half()])
def test_rows_that_are_probabilities_are_no_scores_where_nothing_can_be_taken_off(values):
    with pytest.raises(ValueError, match=r"`output_kind` must be 'probabilities' for rows .* got 'scores'"):
        settle(Asked("scores"), values, "")


def test_an_end_that_cannot_be_taken_off_is_explained_as_it_is_or_refused():
    for values, end in ((P, "softmax"), (P.log(), "log_softmax"), (ONE, "sigmoid")):
        output = settle(Asked(), values, end, "it hooks")
        assert (output.kind, output.taken_off) == ("probabilities", False)
        assert "(it hooks)" in output.doubt and "not taken off" in output.doubt
        assert not settle(Asked("probabilities"), values, end, "it hooks").doubt
    with pytest.raises(ValueError, match="`output_kind` must be 'probabilities', for it hooks, got 'scores'"):
        settle(Asked("scores"), P, "softmax", "it hooks")


@pytest.mark.parametrize(
    "asked, values, message",
    [
        (
            "scores",
            ONE,
            "`output_kind` must be 'value', 'binary' or 'probabilities' for one output per image",
        ),
        ("binary", LOGITS, r"`output_kind` must be 'scores' or .*, got 'binary' for shape \(2, 3\)"),
        ("value", LOGITS, r"`output_kind` must be 'scores' or .*, got 'value' for shape \(2, 3\)"),
        ("probabilities", LOGITS, "`model` must return probabilities .* got values from -2 to 3"),
        ("probabilities", 2 * ONE, "`model` must return probabilities .* got values from 0.5 to 1.5"),
    ],
)
def test_kinds_that_the_output_is_not_of(asked, values, message):
    with pytest.raises(ValueError, match=message):
        settle(Asked(asked), values, "")


def test_scores_of_one_output():
    for kind, wanted in (
        ("value", ONE),
        ("binary", torch.cat([-ONE, ONE], 1)),
        ("probabilities", torch.cat([1 - ONE, ONE], 1)),
    ):
        assert torch.equal(settle(Asked(kind), ONE, "").scores(ONE), wanted)


@pytest.mark.parametrize(
    "asked, values, end, wanted, target",
    [
        ("auto", LOGITS, "", P, [2, 1]),
        ("auto", LOGITS, "softmax", P, [2, 1]),  # the graph gives the logits then
        ("probabilities", P, "softmax", P, [2, 1]),
        ("probabilities", P.log(), "log_softmax", P, [2, 1]),
        ("probabilities", ONE, "sigmoid", torch.cat([1 - ONE, ONE], 1), [1, 0]),
        ("binary", ONE, "", torch.cat([(-ONE).sigmoid(), ONE.sigmoid()], 1), [1, 0]),
    ],
)
def test_log_odds_have_the_probabilities_as_softmax(asked, values, end, wanted, target):
    output = settle(Asked(asked), P if end == "softmax" else values, end)
    odds, classes = output.log_odds(output.scores(values), torch.tensor(target))
    torch.testing.assert_close(odds.softmax(1), wanted)
    assert classes.tolist() == target


@pytest.mark.parametrize("asked", ["auto", "probabilities"])
def test_log_odds_of_a_label_are_of_it_and_its_complement(asked):
    output = settle(Asked(asked), LOGITS.sigmoid(), "sigmoid")
    values = LOGITS if output.taken_off else LOGITS.sigmoid()
    odds, classes = output.log_odds(values, torch.tensor([2, 1]))
    right = torch.stack([LOGITS[0, 2], LOGITS[1, 1]]).sigmoid()
    torch.testing.assert_close(odds.softmax(1), torch.stack([1 - right, right], 1))
    assert classes.tolist() == [1, 1]


def test_a_value_has_no_odds():
    odds, classes = settle(Asked(), ONE, "").log_odds(ONE, torch.tensor([0, 0]))
    assert odds is ONE and classes.tolist() == [0, 0]


def test_what_older_versions_explained_in_the_same_way():
    same = [(Asked(), LOGITS, ""), (Asked("binary"), ONE, ""), (Asked("probabilities"), P, "softmax")]
    other = [(Asked(), ONE, ""), (Asked(), ONE, "sigmoid"), (Asked(), P, "softmax")]
    assert all(settle(*one).as_before_kinds() for one in same)
    assert not any(settle(*one).as_before_kinds() for one in other)
    assert len({settle(*one).describe() for one in (*same, *other)}) == 6


def test_what_a_callable_gets_of_one_output_is_said():
    def call(output):
        return output[0]

    output = settle(Asked(call=call), ONE, "sigmoid")
    wanted = "the model's logit, what its sigmoid is taken of; the target is a callable of it"
    assert output.describe() == wanted and output.width(ONE) == 1
