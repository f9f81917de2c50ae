# SPDX-License-Identifier: GPL-2.0-or-later
"""Epoch, version and release of packages, in rpm's order."""

from __future__ import annotations

import functools
from typing import Any

import rpm

_key = functools.cmp_to_key(rpm.labelCompare)


def key(epoch: str, version: str, release: str) -> Any:
    """What is less is older."""
    return _key((epoch or "0", version, release))
