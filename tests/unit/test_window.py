# SPDX-License-Identifier: GPL-2.0-or-later
"""Windows: what is written, and which times are in them."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostree_layer import window
from ostree_layer.errors import HostError

MONDAY = datetime.datetime(2026, 11, 23)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WEEK = 7 * window.DAY


def at(text: str) -> datetime.datetime:
    """A time of that week, like `Sat 23:59`."""
    day, _, time = text.partition(" ")
    hour, _, minute = time.partition(":")
    return MONDAY + datetime.timedelta(days=DAYS.index(day), hours=int(hour), minutes=int(minute))


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("", ["Mon 00:00", "Sun 23:59"], []),
        ("01:00-05:00", ["Mon 01:00", "Sun 04:59"], ["Mon 00:59", "Mon 05:00"]),
        ("Sat,Sun 02:00-04:30", ["Sat 02:00", "Sun 04:29"], ["Fri 02:00", "Sat 04:30", "Mon 02:00"]),
        ("Sat 22:00-02:00", ["Sat 22:00", "Sun 01:59"], ["Sat 01:00", "Sun 02:00", "Sun 22:00"]),
        ("Sun 22:00-02:00", ["Sun 23:00", "Mon 01:59"], ["Mon 02:00", "Mon 23:00"]),
        ("Mon..Fri 22:00-24:00", ["Mon 22:00", "Fri 23:59"], ["Sat 22:00", "Tue 00:00"]),
        ("sat..mon", ["Sat 00:00", "Sun 12:00", "Mon 23:59"], ["Tue 00:00", "Fri 23:59"]),
        ("Wednesday 9:30-10:00", ["Wed 09:30"], ["Wed 09:29", "Wed 10:00"]),
    ],
)
def test_what_is_in_a_window(text: str, inside: list[str], outside: list[str]) -> None:
    found = window.parse(text)
    assert [moment for moment in inside if not found.contains(at(moment))] == []
    assert [moment for moment in outside if found.contains(at(moment))] == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Sat 02:00 04:00", "'Sat 02:00 04:00' is no window"),
        ("Sat, Sun 02:00-04:00", "'Sat, Sun 02:00-04:00' is no window"),
        ("Caturday", "'Caturday' is no day of the week"),
        ("Sat,,Sun", "'' is no day of the week"),
        ("02:00-24:01", "'02:00-24:01' are no two times of a day"),
        ("24:00-02:00", "'24:00-02:00' are no two times of a day"),
        ("02:60-04:00", "'02:60-04:00' are no two times of a day"),
        ("02:00-02:00", "'02:00-02:00' is a window of no time"),
    ],
)
def test_what_is_no_window(text: str, sentence: str) -> None:
    with pytest.raises(HostError) as raised:
        window.parse(text)
    assert str(raised.value) == sentence and "Sat,Sun 02:00-04:30" in raised.value.hint


@given(
    st.sets(st.sampled_from(range(7)), min_size=1),
    st.integers(0, window.DAY - 1),
    st.integers(1, window.DAY - 1),
    st.integers(0, WEEK - 1),
)
def test_a_window_is_as_long_as_it_says_on_each_of_its_days(
    days: set[int], begin: int, length: int, minute: int
) -> None:
    end = (begin + length) % window.DAY
    text = f"{','.join(DAYS[day] for day in days)} {begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"
    expected = any((minute - day * window.DAY - begin) % WEEK < length for day in days)
    assert window.parse(text).contains(MONDAY + datetime.timedelta(minutes=minute)) == expected
