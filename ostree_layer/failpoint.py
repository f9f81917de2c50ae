# SPDX-License-Identifier: GPL-2.0-or-later
"""Places where a test makes a run fail or stop."""

from __future__ import annotations

import errno
import os
import signal
import time

VARIABLE = "OSTREE_LAYER_FAILPOINT"


def failpoint(name: str) -> None:
    """Do at `name` what the environment asks for, as `name=act`: nothing unless a test set it.

    Acts: `raise` (a bug: RuntimeError), `nospace` (ENOSPC), `hang` (sleep until a signal), `kill`, `term`, `int`.
    """
    wanted, _, act = os.environ.get(VARIABLE, "").partition("=")
    if wanted == name:
        _act(act, name)


def _act(act: str, name: str) -> None:
    if act == "raise":
        raise RuntimeError(f"failpoint {name}")
    if act == "nospace":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
    if act == "hang":
        time.sleep(600)
        return
    os.kill(os.getpid(), {"kill": signal.SIGKILL, "term": signal.SIGTERM, "int": signal.SIGINT}[act])
