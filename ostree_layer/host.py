# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine this runs on, and which sysroot a run acts on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ostree_layer.errors import HostError
from ostree_layer.model import Settings, Target

BOOTED_MARK = Path("/run/ostree-booted")
SYSTEMD_MARK = Path("/run/systemd/system")
# In the root that `dnf try` shows, and nowhere else.
TRIAL_MARK = Path("/.dnf-try")
STAGED_MARK = Path("/run/ostree/staged-deployment")
# Where libostree looks for it, on the machine that it runs on.
BUBBLEWRAP = Path("/usr/bin/bwrap")
LOGINUID = Path("/proc/self/loginuid")


def find_target(settings: Settings, environment: Mapping[str, str]) -> Target | None:
    """The sysroot to act on, or None where nothing of ours has a say."""
    named = environment.get("OSTREE_SYSROOT") or settings.sysroot
    stateroot = environment.get("OSTREE_OS") or settings.stateroot
    if named and not (os.path.realpath(named) == "/" and BOOTED_MARK.exists()):
        require_sysroot(
            Path(named), "OSTREE_SYSROOT" if environment.get("OSTREE_SYSROOT") else "sysroot= in ostree.conf"
        )
        return target_at(os.path.realpath(named), stateroot)
    return target_at("/", stateroot) if BOOTED_MARK.exists() else None


def target_at(sysroot: str, stateroot: str = "") -> Target:
    """The sysroot at a path; also a system that is no OSTree host may have one at `/`, to become one."""
    return Target(sysroot, stateroot, sysroot == "/" and BOOTED_MARK.exists())


def may_be_meant(parser: Any, environment: Mapping[str, str]) -> bool:
    """Whether a run may be about an OSTree host; `find_target` knows, as soon as the command line is read."""
    return BOOTED_MARK.exists() or "OSTREE_SYSROOT" in environment or bool(parser.has_option("main", "sysroot"))


def require_sysroot(path: Path, named_by: str) -> None:
    if not (path / "ostree/repo/objects").is_dir():
        raise HostError(
            f"{named_by} names {path}, which is not an OSTree sysroot: it has no ostree/repo",
            hint="ostree admin init-fs makes one",
        )


def require_no_trial() -> None:
    """HostError in what `dnf try` shows."""
    if TRIAL_MARK.exists():
        raise HostError("this is what 'dnf try' shows, which has no deployments", hint="leave it first")


def source_date_epoch(environment: Mapping[str, str]) -> int | None:
    """The time, in seconds since 1970, that a tree is to be made at; None where that is nobody's wish."""
    named = environment.get("SOURCE_DATE_EPOCH", "")
    if named and not (named.isascii() and named.isdigit() and int(named) < 2**32):
        raise HostError(f"SOURCE_DATE_EPOCH is {named}, which is not a number of seconds since 1970")
    return int(named) if named else None


def is_booted_with_systemd() -> bool:
    """Whether a staged deployment will be finalized when this host shuts down."""
    return SYSTEMD_MARK.is_dir()


def calling_user() -> str:
    """Who is at the keyboard, through sudo and su: the login uid, or else the uid."""
    try:
        uid = int(LOGINUID.read_text())
    except (OSError, ValueError):
        uid = os.getuid()
    return str(os.getuid() if uid == 2**32 - 1 else uid)
