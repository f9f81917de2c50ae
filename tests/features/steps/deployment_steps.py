# SPDX-License-Identifier: GPL-2.0-or-later
"""Sentences about the deployments of a soft-booted host, by libostree's own program."""

from __future__ import annotations

import time
from typing import Any

from behave import then

from tests.lab import host


@then("there are {number:d} deployments")
def are_so_many(context: Any, number: int) -> None:
    lines = context.host.run("ostree", "admin", "status").stdout.splitlines()
    found = [line for line in lines if line.replace("*", " ").split()[0] == host.STATEROOT]
    assert len(found) == number, lines


@then("there is no mount, process or folder left of it")
def nothing_left(context: Any) -> None:
    work = "/sysroot/ostree/repo/extensions/ostree-layer/staging"
    for _attempt in range(300):  # the clean-up that the run has started
        left = context.host.run("ls", work).stdout.split()
        if not left:
            break
        time.sleep(0.2)
    assert left == [], left
    assert context.host.run("grep", "-c", "extensions/ostree-layer", "/proc/mounts").stdout.strip() == "0"
    processes = context.host.run("ps", "-A", "-o", "comm=").stdout.split()
    assert processes.count("systemd") == 1, processes
