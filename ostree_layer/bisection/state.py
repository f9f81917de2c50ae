# SPDX-License-Identifier: GPL-2.0-or-later
"""A bisection of a tree's history, kept in a file: the host is restarted between its steps."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from ostree_layer import files
from ostree_layer.bisection.search import BAD, GOOD, SKIPPED, Search
from ostree_layer.errors import HostError

FILE = "bisection.json"
RESET = "'dnf bisect reset' ends the bisection"


@dataclasses.dataclass(frozen=True)
class Commit:
    """A commit of the history; `timestamp` is in seconds since the epoch."""

    checksum: str
    version: str
    timestamp: int


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What was found of a commit; of two verdicts about the same commit the later one counts."""

    checksum: str
    verdict: str


@dataclasses.dataclass(frozen=True)
class Bisection:
    """The commits of the history of `refspec` from the good one, the oldest, to the bad one, and what was said of them.

    `candidate` is the commit that is to be tried now. `start` is the deployment that the user had before, as
    CHECKSUM.SERIAL, if others are deployed; `is_kept` says that it was pinned for that, and not by the user.
    """

    refspec: str
    commits: tuple[Commit, ...]
    verdicts: tuple[Verdict, ...] = ()
    candidate: str = ""
    start: str = ""
    is_kept: bool = False

    @property
    def search(self) -> Search:
        found = Search(0, len(self.commits) - 1)
        for checksum, verdict in {one.checksum: one.verdict for one in self.verdicts}.items():
            found = found.judged(self.number(checksum), verdict)
        return found

    @property
    def has_ended(self) -> bool:
        return self.search.following() is None

    @property
    def good(self) -> Commit:
        """The last one that is known to be good."""
        return self.commits[self.search.good]

    @property
    def bad(self) -> Commit:
        """The first one that is known to be bad."""
        return self.commits[self.search.bad]

    @property
    def suspects(self) -> list[Commit]:
        return [self.commits[number] for number in self.search.suspects]

    def number(self, checksum: str) -> int:
        return next(number for number, commit in enumerate(self.commits) if commit.checksum == checksum)

    def find(self, checksum: str) -> Commit | None:
        return next((commit for commit in self.commits if commit.checksum == checksum), None)

    def judged(self, commit: Commit, verdict: str) -> Bisection:
        """With one more verdict, and the candidate that it leads to; HostError where it contradicts the others."""
        known = [one for one in self.verdicts if one.checksum != commit.checksum]
        number, last = self.number(commit.checksum), len(self.commits) - 1
        said = {self.number(one.checksum): one.verdict for one in known} | {0: GOOD, last: BAD}
        against = [n for n, word in said.items() if (n >= number and word == GOOD and verdict == BAD)]
        against += [n for n, word in said.items() if (n <= number and word == BAD and verdict == GOOD)]
        if number in against or (verdict == SKIPPED and number in (0, last)):
            against = [number]
        if against:
            other = self.commits[against[0]]
            relation = "itself" if against[0] == number else f"{'after' if verdict == BAD else 'before'} it"
            message = f"commit {name(commit)} cannot be {PAST[verdict]}: {name(other)} {relation} is {said[against[0]]}"
            raise HostError(message, hint=f"a later word about a commit replaces the former one; {RESET}")
        new = dataclasses.replace(self, verdicts=(*known, Verdict(commit.checksum, verdict)))
        return new.proceeded()

    def proceeded(self) -> Bisection:
        """With the candidate that is to be tried now; the present one stays as long as nothing is said of it."""
        search = self.search
        if self.candidate and self.number(self.candidate) in search.untried:
            return self
        number = search.following()
        return dataclasses.replace(self, candidate="" if number is None else self.commits[number].checksum)


PAST = {GOOD: "good", BAD: "bad", SKIPPED: "skipped"}


def name(commit: Commit) -> str:
    """A commit in a sentence."""
    return commit.checksum[:12] + (f" ({commit.version})" if commit.version else "")


def read(work: Path) -> Bisection | None:
    """The bisection of the host with this work folder; None where there is none, or it is not for this user's eyes."""
    try:
        stored = json.loads((work / FILE).read_bytes())
        return _parse(stored)
    except (FileNotFoundError, PermissionError):
        return None
    except (ValueError, KeyError, TypeError) as e:
        raise HostError(f"{work / FILE} is not understood: {e}", hint="remove it to begin anew") from e


def _parse(stored: dict[str, Any]) -> Bisection:
    commits = tuple(Commit(**one) for one in stored.pop("commits"))
    verdicts = tuple(Verdict(**one) for one in stored.pop("verdicts"))
    found = Bisection(commits=commits, verdicts=verdicts, **stored)
    known = {commit.checksum for commit in commits}
    if len(commits) < 2 or not known.issuperset(one.checksum for one in verdicts):
        raise ValueError("its commits are not complete")
    return found


def require(work: Path) -> Bisection:
    found = read(work)
    if found is None:
        raise HostError("no bisection is on", hint="'dnf bisect start GOOD BAD' begins one")
    return found


def write(work: Path, bisection: Bisection) -> None:
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.replace(work / FILE, json.dumps(dataclasses.asdict(bisection), indent=2).encode() + b"\n")


def remove(work: Path) -> None:
    (work / FILE).unlink(missing_ok=True)
