# SPDX-License-Identifier: GPL-2.0-or-later
"""Versions count up."""

from __future__ import annotations

import pytest

from ostree_layer.compose.versions import next_version

NOW = 1_600_000_000  # 2020-09-13


@pytest.mark.parametrize(
    ("prefix", "last", "wanted"),
    [
        ("40", "", "40"),
        ("40", "40", "40.1"),
        ("40", "40.1", "40.2"),
        ("40", "40.9", "40.10"),
        ("41", "40.9", "41"),
        ("4", "40", "4"),
        ("40", "40.beta", "40"),
        ("40", "40.1.1", "40"),
        ("40.<date:%Y%m%d>", "", "40.20200913.0"),
        ("40.<date:%Y%m%d>", "40.20200912.3", "40.20200913.0"),
        ("40.<date:%Y%m%d>", "40.20200913.0", "40.20200913.1"),
        ("<date:%Y>", "2020", "2020.1"),
    ],
)
def test_the_next_version(prefix: str, last: str, wanted: str) -> None:
    assert next_version(prefix, ".", last, NOW) == wanted


def test_the_suffix_is_between() -> None:
    assert next_version("40", "-", "40-7", NOW) == "40-8"
    assert next_version("40", "-", "40.7", NOW) == "40"
