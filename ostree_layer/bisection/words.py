# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said of a bisection."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from ostree_layer.bisection.search import Search
from ostree_layer.bisection.state import PAST, Bisection, Commit, name
from ostree_layer.fields import moment
from ostree_layer.tree_words import document


def counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def remaining(search: Search, word: str = "commit") -> str:
    """What is left to do."""
    count, steps = len(search.untried), search.steps
    return f"{counted(count, word)} remain{'s' if count == 1 else ''}, about {counted(steps, 'step')}"


def candidate(bisection: Bisection) -> Iterator[str]:
    """After a step that has led to another candidate, or has left the one that there was."""
    found = bisection.find(bisection.candidate)
    assert found is not None
    yield f"Commit {name(found)} is to be tried: {remaining(bisection.search)}."
    yield "When it runs, say 'dnf bisect good', 'dnf bisect bad' or, where that cannot be told, 'dnf bisect skip'."


def status(bisection: Bisection) -> str:
    """In a line."""
    if not bisection.candidate:
        return f"ended: {verdict(bisection)}" if bisection.start else ""
    found = bisection.find(bisection.candidate)
    assert found is not None
    return f"commit {name(found)} is to be tried; {remaining(bisection.search)}"


def verdict(bisection: Bisection) -> str:
    """The result in a sentence without its end."""
    suspects = bisection.suspects
    if len(suspects) == 1:
        return f"commit {name(suspects[0])} is the first bad one"
    return f"the first bad commit is one of {len(suspects)}"


def result(bisection: Bisection) -> Iterator[str]:
    """When nothing is left to try."""
    suspects = bisection.suspects
    if len(suspects) == 1:
        yield f"The first bad commit is {whole(suspects[0])}."
        return
    yield "The first bad commit is one of these; all but the last were skipped:"
    yield from (f"  {whole(commit)}" for commit in suspects)


def whole(commit: Commit) -> str:
    version = f"{commit.version}, " if commit.version else ""
    return f"{commit.checksum} ({version}{moment(commit.timestamp)})"


def log(bisection: Bisection) -> Iterator[str]:
    """The lines of `dnf bisect log`."""
    first, last = bisection.commits[0], bisection.commits[-1]
    yield f"In the history of {bisection.refspec}, {counted(len(bisection.commits) - 2, 'commit')} between two:"
    yield f"  good  {whole(first)}"
    yield f"  bad   {whole(last)}"
    if bisection.verdicts:
        yield "What was said since:"
    for one in bisection.verdicts:
        commit = bisection.find(one.checksum)
        assert commit is not None
        yield f"  {one.verdict:4}  {whole(commit)}"
    if bisection.candidate:
        yield from candidate(bisection)
    else:
        yield from result(bisection)


def as_json(bisection: Bisection) -> dict[str, Any]:
    """`dnf bisect log --json`; `suspects` are those that can be the first bad one, oldest first."""
    suspects = [commit.checksum for commit in bisection.suspects]
    left = {"remaining": len(bisection.search.untried), "steps": bisection.search.steps, "suspects": suspects}
    return document("bisection", {**dataclasses.asdict(bisection), **left})


def judged(what: str, verdict: str) -> str:
    """After a test."""
    return f"{what} is {PAST[verdict]}."
