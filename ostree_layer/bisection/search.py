# SPDX-License-Identifier: GPL-2.0-or-later
"""The search for the first bad one of things in a row: which to try next, and how many tries are left."""

from __future__ import annotations

import dataclasses
import itertools

GOOD, BAD, SKIPPED = VERDICTS = ("good", "bad", "skip")


@dataclasses.dataclass(frozen=True)
class Search:
    """Things by their numbers: the last one that is known to be good, the first that is known to be bad."""

    good: int
    bad: int
    skipped: frozenset[int] = frozenset()

    @property
    def untried(self) -> list[int]:
        """What is between, and can be tried."""
        return [number for number in range(self.good + 1, self.bad) if number not in self.skipped]

    @property
    def suspects(self) -> list[int]:
        """Of which one is the first bad one, when nothing is left to try: more than one where some were skipped."""
        return list(range(self.good + 1, self.bad + 1))

    @property
    def steps(self) -> int:
        """How many tries are left, if none is skipped."""
        return len(self.untried).bit_length()

    def following(self) -> int | None:
        """What to try next: the one in the middle; None where nothing is left.

        What cannot be tried comes in groups: beside a skipped one, the middle of the longest stretch is better.
        """
        middle = (self.good + self.bad) // 2
        if self.good < middle and middle not in self.skipped:
            return middle
        untried = enumerate(self.untried)
        stretches = [list(found) for _key, found in itertools.groupby(untried, lambda pair: pair[1] - pair[0])]
        if not stretches:
            return None
        longest = max(stretches, key=len)
        return longest[(len(longest) - 1) // 2][1]

    def judged(self, number: int, verdict: str) -> Search:
        """What is known when one is tried."""
        if verdict == SKIPPED:
            return dataclasses.replace(self, skipped=self.skipped | {number})
        if verdict == GOOD:
            return dataclasses.replace(self, good=max(self.good, number))
        return dataclasses.replace(self, bad=min(self.bad, number))
