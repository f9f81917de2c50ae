# SPDX-License-Identifier: GPL-2.0-or-later
"""Versions of composed trees: a prefix, which may hold a date, and a number that counts commits."""

from __future__ import annotations

import re
import time

DATE = re.compile(r"<date:([^>]*)>")


def next_version(prefix: str, suffix: str, last: str, now: int) -> str:
    """The version after `last` (empty where there was none), at `now`, in seconds since 1970.

    The first one with a prefix is the prefix itself; with a date in it, one that ends in 0.
    """
    dated = DATE.sub(lambda found: time.strftime(found[1], time.gmtime(now)), prefix)
    if last == dated:
        return f"{dated}{suffix}1"
    number = last[len(dated) + len(suffix) :] if last.startswith(dated + suffix) else ""
    if number.isascii() and number.isdigit():
        return f"{dated}{suffix}{int(number) + 1}"
    return dated if dated == prefix else f"{dated}{suffix}0"
