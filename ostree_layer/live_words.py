# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said of the running system and a deployment that was applied to it."""

from __future__ import annotations

from collections.abc import Iterator

from ostree_layer.live_model import Applied, Record
from ostree_layer.running_code import Running

PROCESSES = 8


def applied(done: Applied) -> Iterator[str]:
    """After it was applied."""
    yield f"Deployment {_name(done.record)} runs now, and a reboot starts it; 'dnf apply-live --reset' takes it back."
    left = [*done.record.left, *done.outside]
    if left:
        yield f"Left to the reboot: {' '.join(left)}."
    yield from (f"Warning: {complaint}" for complaint in done.complaints)
    yield from _outdated(done.outdated)


def _outdated(found: list[Running]) -> Iterator[str]:
    services = sorted({one.service for one in found if one.service})
    if services:
        yield f"These still run what they were started from: 'systemctl restart {' '.join(services)}' changes that."
    others = [f"{one.name} ({one.pid})" for one in found if not one.service]
    if others:
        more = len(others) - PROCESSES
        shown = ", ".join(others[:PROCESSES]) + (f" and {more} more" if more > 0 else "")
        yield f"So do these processes, until they end: {shown}."


def reset(former: Record) -> str:
    """After it was taken back."""
    return f"The booted deployment runs again as it was started; deployment {_name(former)} does not any more."


def _name(record: Record) -> str:
    return record.commit[:12] + (f" ({record.version})" if record.version else "")
