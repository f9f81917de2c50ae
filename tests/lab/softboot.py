# SPDX-License-Identifier: GPL-2.0-or-later
"""The init of a soft-booted host: `softboot SYSROOT DEPLOYMENT STATE REPOSITORY [SERVER]`.

libostree takes a deployment for booted when /run/ostree-booted exists and `/` is the deployment's directory; so it
becomes the root of a mount namespace, with /usr read-only. Started by `host.py` in namespaces of its own.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

from ostree_layer import mounts, process

# Where a host sees the repository of packages, and the server of trees if there is one.
MEDIA = ("world", "trees")


def enter(sysroot: Path, deployment: Path, state: Path, *media: Path) -> None:
    """Make deployment the root; `state` holds what lasts from boot to shutdown, /run and /tmp."""
    mounts.enter_private_namespace()
    mounts.bind(deployment, deployment)
    mounts.bind(sysroot, deployment / "sysroot", read_only=True)
    mounts.bind(sysroot / "boot", deployment / "boot", read_only=True)
    mounts.bind(deployment.parent.parent / "var", deployment / "var")
    mounts.bind(deployment / "usr", deployment / "usr", read_only=True)
    for name in ("run", "tmp"):
        mounts.bind(state / name, deployment / name)
    mounts.proc(deployment / "proc")
    mounts.bind(Path("/sys"), deployment / "sys", read_only=True)
    mounts.devices(deployment / "dev")
    for name, source in zip(MEDIA, media):
        (state / "run/media" / name).mkdir(parents=True, exist_ok=True)
        mounts.bind(source, deployment / "run/media" / name, read_only=True)
    _pivot(deployment)


def _pivot(root: Path) -> None:
    old = root / "run/old-root"
    old.mkdir(exist_ok=True)
    os.chdir(root)
    process.run(["pivot_root", ".", "run/old-root"])
    os.chdir("/")
    mounts.unmount(Path("/run/old-root"))


def reap() -> None:
    """Be the parent of processes that lost theirs, until the host is shut down by a signal."""
    print("booted", flush=True)
    while True:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)
        time.sleep(0.05)


if __name__ == "__main__":
    enter(*map(Path, sys.argv[1:]))
    reap()
