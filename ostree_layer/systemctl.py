# SPDX-License-Identifier: GPL-2.0-or-later
"""What the systemd that runs is told, and asked."""

from __future__ import annotations

from ostree_layer import process

# All else that is started here is kept from it.
ONLINE = {"SYSTEMD_OFFLINE": "0"}


def call(*words: str) -> str:
    """Run systemctl with words, and return what it prints; CommandError where it refuses."""
    return process.run(["systemctl", *words], extra=ONLINE)
