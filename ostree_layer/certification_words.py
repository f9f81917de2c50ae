# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said of the records that certify a commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ostree_layer.fields import listed, printable
from ostree_layer.tree_model import Certification


def lines(found: Iterable[Certification]) -> Iterator[str]:
    """The lines of good records, and then those of others, each with the reason."""
    records = list(found)
    yield from listed("Certified", (_said(record) for record in records if record.is_good))
    yield from listed(
        "Not certified", (f"{_said(record)}: {record.reason}" for record in records if not record.is_good)
    )


def _said(record: Certification) -> str:
    key = record.signature
    user = f"{key.user} ({key.key[-16:]})" if key.user else f"key {key.key[-16:] or '(none)'}"
    tests = f" ({record.tests} tests)" if record.tests is not None else ""
    return printable(f"{record.time} by {user}: {record.file}{tests}")
