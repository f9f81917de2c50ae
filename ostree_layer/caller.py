# SPDX-License-Identifier: GPL-2.0-or-later
"""Who has called, and how: as if there were no dnf in between, and neither sudo nor pkexec."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ostree_layer.errors import HostError

# What sudo and pkexec leave behind.
TRACES = ("SUDO_UID", "SUDO_GID", "SUDO_USER", "SUDO_COMMAND", "PKEXEC_UID")


class Caller(NamedTuple):
    """A user with all groups, what the environment is for them, and where they are."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: Path
    shell: str
    environment: Mapping[str, str]
    folder: str
    umask: int


def find(environment: Mapping[str, str]) -> Caller:
    """Who has called this process, in its environment; HostError where that is nobody."""
    user = _user(environment)
    values = {name: value for name, value in environment.items() if name not in TRACES}
    if user.pw_uid != os.getuid():
        names = {"USER": user.pw_name, "LOGNAME": user.pw_name}
        values.update(names, HOME=user.pw_dir, SHELL=user.pw_shell or "/bin/sh")
    groups = tuple(os.getgrouplist(user.pw_name, user.pw_gid))
    mask = os.umask(0)
    os.umask(mask)
    shell = user.pw_shell or "/bin/sh"
    return Caller(user.pw_uid, user.pw_gid, groups, Path(user.pw_dir), shell, values, os.getcwd(), mask)


def _user(environment: Mapping[str, str]) -> pwd.struct_passwd:
    """Several users may have one id: sudo says which of them it is."""
    word = environment.get("SUDO_UID") or environment.get("PKEXEC_UID") or str(os.getuid())
    if word.isascii() and word.isdigit():
        with contextlib.suppress(KeyError):
            named = pwd.getpwnam(environment.get("SUDO_USER", ""))
            if named.pw_uid == int(word):
                return named
        with contextlib.suppress(KeyError):
            return pwd.getpwuid(int(word))
    raise HostError(f"there is no user {word} whom a command could be run as")


def become(caller: Caller) -> None:
    """Let this process be the caller's, for good, and where they were, or else at home."""
    os.setgroups(caller.groups)
    os.setgid(caller.gid)
    os.setuid(caller.uid)
    os.umask(caller.umask)
    for folder in (caller.folder, caller.home, "/"):
        with contextlib.suppress(OSError):
            os.chdir(folder)
            return
