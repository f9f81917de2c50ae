# SPDX-License-Identifier: GPL-2.0-or-later
"""The choice of what a bisection tries next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ostree_layer.bisection import state, words
from ostree_layer.bisection.search import BAD, GOOD, SKIPPED, Search
from ostree_layer.bisection.state import Bisection, Commit
from ostree_layer.errors import HostError


def run(size: int, first_bad: int, untestable: frozenset[int] = frozenset()) -> tuple[Search, int]:
    """Search among 0 to size, and return the end and the number of tries."""
    search, tries = Search(0, size), 0
    while (number := search.following()) is not None:
        assert search.good < number < search.bad and number not in search.skipped
        tries += 1
        verdict = SKIPPED if number in untestable else BAD if number >= first_bad else GOOD
        search = search.judged(number, verdict)
    return search, tries


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 16, 17, 64, 100])
def test_no_search_takes_longer_than_the_logarithm(size: int) -> None:
    tries = []
    for first_bad in range(1, size + 1):
        search, count = run(size, first_bad)
        assert search.suspects == [first_bad]
        tries.append(count)
    assert max(tries) == (size - 1).bit_length() == Search(0, size).steps


def test_64_commits_take_6_tries() -> None:
    assert {run(64, first_bad)[1] for first_bad in range(1, 65)} == {6}


def test_what_cannot_be_tried_is_passed_by_and_named_if_it_matters() -> None:
    broken = frozenset(range(30, 36))
    assert run(64, 50, broken)[0].suspects == [50]
    assert run(64, 3, broken)[0].suspects == [3]
    assert run(64, 33, broken)[0].suspects == [30, 31, 32, 33, 34, 35, 36]
    assert run(4, 2, frozenset({1, 2, 3}))[0].suspects == [1, 2, 3, 4]


def test_a_stretch_that_cannot_be_tried_is_left_soon() -> None:
    assert run(64, 50, frozenset(range(20, 45)))[1] <= 9


def history(size: int) -> Bisection:
    return Bisection("r:ref", tuple(Commit(f"{n:064x}", f"1.{n}", n * 86_400) for n in range(size))).proceeded()


def test_the_candidate_stays_while_others_are_judged() -> None:
    begun = history(9)
    assert begun.candidate == begun.commits[4].checksum
    assert begun.judged(begun.commits[6], SKIPPED).candidate == begun.candidate
    assert begun.judged(begun.commits[6], BAD).candidate == begun.candidate
    assert begun.judged(begun.commits[4], BAD).candidate == begun.commits[2].checksum


def test_a_later_word_about_a_commit_replaces_the_former_one() -> None:
    ended = history(3).judged(history(3).commits[1], GOOD)
    assert ended.has_ended and ended.bad == ended.commits[2]
    assert ended.judged(ended.commits[1], BAD).bad == ended.commits[1]


@pytest.mark.parametrize(
    ("number", "verdict", "said"),
    [
        (6, GOOD, "commit 000000000000 (1.6) cannot be good: 000000000000 (1.5) before it is bad"),
        (1, BAD, "commit 000000000000 (1.1) cannot be bad: 000000000000 (1.2) after it is good"),
        (0, BAD, "commit 000000000000 (1.0) cannot be bad: 000000000000 (1.0) itself is good"),
        (8, SKIPPED, "commit 000000000000 (1.8) cannot be skipped: 000000000000 (1.8) itself is bad"),
    ],
)
def test_contradictions(number: int, verdict: str, said: str) -> None:
    known = history(9)
    known = known.judged(known.commits[5], BAD).judged(known.commits[2], GOOD)
    with pytest.raises(HostError) as caught:
        known.judged(known.commits[number], verdict)
    assert str(caught.value) == said


def test_it_is_kept_as_it_is(tmp_path: Path) -> None:
    known = history(9).judged(history(9).commits[4], GOOD)
    assert state.read(tmp_path / "work") is None
    state.write(tmp_path / "work", known)
    assert state.read(tmp_path / "work") == known
    for text in ("{", "[]", json.dumps({"refspec": "r", "commits": [], "verdicts": []})):
        (tmp_path / "work" / state.FILE).write_text(text)
        with pytest.raises(HostError, match="is not understood") as caught:
            state.read(tmp_path / "work")
        assert caught.value.hint == "remove it to begin anew"


def test_what_is_said() -> None:
    known = history(3)
    assert words.remaining(known.search) == "1 commit remains, about 1 step"
    assert words.remaining(history(9).search) == "7 commits remain, about 3 steps"
    skipped = known.judged(known.commits[1], SKIPPED)
    assert list(words.result(skipped)) == [
        "The first bad commit is one of these; all but the last were skipped:",
        f"  {'0' * 63}1 (1.1, 1970-01-02 00:00 UTC)",
        f"  {'0' * 63}2 (1.2, 1970-01-03 00:00 UTC)",
    ]
