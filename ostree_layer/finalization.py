# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the last shutdown failed to finalize the staged deployment, of which nobody was told then."""

from __future__ import annotations

import logging
from pathlib import Path

from ostree_layer import host, systemctl
from ostree_layer.errors import CommandError

log = logging.getLogger(__name__)

# libostree writes the reason into it, and ostree-boot-complete.service takes it away and fails with the reason.
STAMP = "boot/ostree/finalize-failure.stamp"
REPORTER = "ostree-boot-complete.service"
MESSAGE = "the last shutdown could not finalize the staged deployment"


def failure(root: Path, *, is_booted: bool) -> str:
    """What went wrong in the sysroot at root; nothing where all is well or nobody can say."""
    try:
        reason = (root / STAMP).read_text(errors="replace")
    except (FileNotFoundError, PermissionError):
        is_reported = is_booted and host.is_booted_with_systemd() and _has_failed(REPORTER)
        return f"{MESSAGE}; 'journalctl -b -u {REPORTER}' tells why" if is_reported else ""
    return f"{MESSAGE}: {' '.join(reason.split()) or 'nobody knows why'}"


def _has_failed(unit: str) -> bool:
    try:
        return systemctl.call("show", "--property=ActiveState", "--value", unit).strip() == "failed"
    except (CommandError, OSError) as e:
        log.debug("the state of %s is not known: %s", unit, e)
        return False
