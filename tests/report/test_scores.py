"""Scores of methods against counts by hand, and intervals against what is known of them."""

import math
import random

import pytest

from pyxai.report import Answer, read_survey, scores
from tests.report.conftest import METHODS, meaning, preference


@pytest.fixture
def preferred(stored, tmp_path):
    return read_survey(stored(preference(tmp_path)))


@pytest.fixture
def meant(stored, tmp_path):
    return read_survey(stored(meaning(tmp_path)))


def test_preference_by_hand(preferred):
    answers = [
        Answer("ann", 0, (0, 1, 2)), Answer("ann", 1, (0, 2, 1)),
        Answer("bob", 0, (0, 1, 3)), Answer("bob", 1, (1, 0, 2)),
    ]  # fmt: skip
    found = {score.method: score for score in scores(preferred, answers)}
    points = {name: found[name].count for name in METHODS}
    assert points == {"pyramid": 11, "gaussian": 8, "blur": 4, "<i>lrp</i>": 1}
    assert all(score.total == 24 for score in found.values())
    assert sum(score.share for score in found.values()) == pytest.approx(1)
    assert found["pyramid"].share == 11 / 24
    assert [score.method for score in scores(preferred, answers)] == list(METHODS)  # the best first


def test_meaning_by_hand(meant):
    """Questions 0 and 2 are by pyramid, 1 is by lrp; right are 0, 1 and 2."""
    choices = {"ann": (0, 1, 2), "bob": (0, 0, 0), "eve": (1, 1, 2)}
    answers = [Answer(who, q, (c,)) for who, chosen in choices.items() for q, c in enumerate(chosen)]
    found = {score.method: score for score in scores(meant, answers)}
    assert (found["pyramid"].count, found["pyramid"].total, found["pyramid"].share) == (4, 6, 4 / 6)
    assert (found["lrp"].count, found["lrp"].total, found["lrp"].share) == (2, 3, 2 / 3)


def test_the_interval_is_that_of_participants_drawn_anew(meant):
    """By the plainest way to draw: whole participants, with replacement, thousands of times."""
    chance = random.Random(1)
    answers = [Answer(f"p{who}", q, (chance.choice((q, q, 0, 1, 2)),)) for who in range(12) for q in range(3)]
    found = {score.method: score for score in scores(meant, answers, draws=20_000, seed=3)}
    right = [sum(a.chosen == (a.question,) for a in answers[3 * w : 3 * w + 3 : 2]) for w in range(12)]
    drawn = sorted(sum(chance.choices(right, k=12)) / 24 for _ in range(20_000))
    assert found["pyramid"].low == pytest.approx(drawn[500], abs=0.03)
    assert found["pyramid"].high == pytest.approx(drawn[19_500], abs=0.03)
    assert found["pyramid"].low < found["pyramid"].share < found["pyramid"].high


def test_who_agrees_has_no_spread_and_who_is_alone_no_interval(meant):
    answers = [Answer(who, q, (q,)) for who in ("ann", "bob") for q in range(3)]
    assert all((score.low, score.share, score.high) == (1, 1, 1) for score in scores(meant, answers))
    alone = scores(meant, answers[:3])
    assert all(math.isnan(score.low) and math.isnan(score.high) and score.share == 1 for score in alone)


def test_the_seed_decides_the_draws(preferred):
    answers = [
        Answer(f"p{who}", q, tuple(random.Random(5 * who + q).sample(range(4), 3)))
        for who in range(9)
        for q in range(2)
    ]
    assert scores(preferred, answers, seed=1) == scores(preferred, answers, seed=1)
    assert scores(preferred, answers, seed=1, draws=50) != scores(preferred, answers, seed=2, draws=50)


def test_no_answers(meant):
    with pytest.raises(ValueError, match="`answers` must hold at least one, got 0"):
        scores(meant, [])
    with pytest.raises(ValueError, match="`draws` must be a positive whole number"):
        scores(meant, [Answer("ann", 0, (0,))], draws=0)
