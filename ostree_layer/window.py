# SPDX-License-Identifier: GPL-2.0-or-later
"""Windows: when in a week something may happen, by the clock of the host."""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Iterator

from ostree_layer.errors import HostError

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY = 24 * 60
HINT = "a window is written like 'Sat,Sun 02:00-04:30', 'Mon..Fri 22:00-05:00' or '01:00-05:00'"
TIMES = re.compile(r"(\d\d?):(\d\d)-(\d\d?):(\d\d)")


@dataclasses.dataclass(frozen=True)
class Window:
    """From the minute `begin` of each of `days`, 0 for Monday, until before the minute `end`.

    An `end` that is not after `begin` is on the next day.
    """

    days: frozenset[int]
    begin: int = 0
    end: int = DAY

    def contains(self, moment: datetime.datetime) -> bool:
        """Whether a local time is in the window."""
        minute, today = moment.hour * 60 + moment.minute, moment.weekday()
        if self.begin < self.end:
            return today in self.days and self.begin <= minute < self.end
        yesterday = (today - 1) % len(DAYS)
        return (today in self.days and minute >= self.begin) or (yesterday in self.days and minute < self.end)


ALWAYS = Window(frozenset(range(len(DAYS))))


def parse(text: str) -> Window:
    """The window that text means, any time for an empty one; HostError where it means none."""
    words = text.split()
    if not words:
        return ALWAYS
    times = words.pop() if TIMES.fullmatch(words[-1]) else ""
    if len(words) > 1:
        raise HostError(f"'{text}' is no window", hint=HINT)
    days = frozenset(_days(words[0])) if words else ALWAYS.days
    return Window(days, *_minutes(times)) if times else Window(days)


def _days(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, _dots, last = part.partition("..")
        begin, end = _day(first), _day(last or first)
        yield from ((begin + step) % len(DAYS) for step in range((end - begin) % len(DAYS) + 1))


def _day(text: str) -> int:
    """The number of a day by its English name, or the first three letters of it."""
    for number, name in enumerate(DAYS):
        if text.lower() in (name, name[:3]):
            return number
    raise HostError(f"'{text}' is no day of the week", hint=HINT)


def _minutes(text: str) -> tuple[int, int]:
    found = TIMES.fullmatch(text)
    assert found is not None
    hours = tuple(map(int, found.groups()))
    begin, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    if max(hours[1], hours[3]) > 59 or begin >= DAY or end > DAY:
        raise HostError(f"'{text}' are no two times of a day", hint=HINT)
    if begin == end:
        raise HostError(f"'{text}' is a window of no time", hint=HINT)
    return begin, end
