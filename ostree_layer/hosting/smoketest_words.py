# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said after smoke tests."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ostree_layer.fields import printable
from ostree_layer.hosting.smoketest_report import Candidate

# Lines of a console that are shown where it is all that there is to see.
SHOWN = 8


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of one tree: a report, new or from before, or the problem because of which it was not booted."""

    tree: Candidate
    report: dict[str, Any] | None = None
    page: Path | None = None
    is_new: bool = True
    console: str = ""
    problem: str = ""
    certified_by: tuple[str, ...] = ()
    certified: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return self.report is not None and bool(self.report["passed"])


def lines(outcomes: Iterable[Outcome], where: Path) -> Iterator[str]:
    for outcome in outcomes:
        yield from _one(outcome)
        yield from outcome.certified
    yield f"The reports are in {where}."


def _one(outcome: Outcome) -> Iterator[str]:
    tree, report = outcome.tree, outcome.report
    commit = f"{tree.ref}, commit {tree.commit[:12]}" if tree.ref else f"Commit {tree.commit}"
    name = printable(f"{commit} ({tree.version})" if tree.version else commit)
    if report is None:
        yield f"{name} cannot be booted: {outcome.problem}"
        return
    before = "" if outcome.is_new else " before; --again boots it again"
    if outcome.passed:
        yield f"{name} has passed{before}: {report['target']} after {report['seconds']['target']} s."
        return
    yield f"{name} has failed{before}:"
    yield from (f"  {printable(sentence)}" for sentence in report["failures"])
    if report["seconds"]["target"] is None:
        shown = [line for line in outcome.console.splitlines() if line.strip()][-SHOWN:]
        yield from (f"    {printable(line)}" for line in shown)
    yield f"  {outcome.page} shows more."


def as_json(outcome: Outcome) -> dict[str, Any]:
    tree = outcome.tree._asdict()
    if outcome.report is None:
        return {**tree, "passed": False, "failures": [outcome.problem], "is_new": True, "page": None}
    signed = {"certified_by": list(outcome.certified_by)}
    return {**outcome.report, **tree, "is_new": outcome.is_new, "page": str(outcome.page), **signed}
