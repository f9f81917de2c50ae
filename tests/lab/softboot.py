# SPDX-License-Identifier: GPL-2.0-or-later
"""The boot of a soft-booted host: `softboot NAME SYSROOT DEPLOYMENT STATE [REPOSITORY [SERVER]]`.

libostree takes a deployment for booted when /run/ostree-booted exists and `/` is the deployment's directory; so it
becomes the root of a mount namespace, with /usr read-only, and then the tree's own systemd is process 1 there, as in a
container: it starts the tree's units, and finalizes a staged deployment when it is told to power off. Started by
`host.py` in namespaces of its own; what it runs is in a cgroup called NAME.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ostree_layer import mounts, softboot

# What the cgroup of a host is called: this, the process that started it, and something that no other has.
PREFIX = "ostree-layer-lab"
# Where a host sees the repository of packages, and the server of trees if there is one.
MEDIA = ("world", "trees")
SYSTEMD = f"/{softboot.SYSTEMD}"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin", "LC_ALL": "C.UTF-8", "TERM": "dumb", "container": "softboot"}


def enter(name: str, sysroot: Path, deployment: Path, state: Path, *media: Path) -> None:
    """Make deployment the root; `state` holds what lasts from boot to shutdown, /run and /tmp."""
    with softboot.hierarchy() as cgroups:
        (cgroups / name).mkdir()
        (cgroups / name / "cgroup.procs").write_text("0")
    mounts.isolate(network=True)
    mounts.bind(deployment, deployment)
    mounts.bind(sysroot, deployment / "sysroot", read_only=True)
    mounts.bind(sysroot / "boot", deployment / "boot", read_only=True)
    mounts.bind(deployment.parent.parent / "var", deployment / "var")
    mounts.bind(deployment / "usr", deployment / "usr", read_only=True)
    for folder in ("run", "tmp"):
        mounts.bind(state / folder, deployment / folder)
    softboot.show_kernel(deployment)
    for folder, source in zip(MEDIA, media):
        (state / "run/media" / folder).mkdir(parents=True, exist_ok=True)
        mounts.bind(source, deployment / "run/media" / folder, read_only=True)
    mounts.change_root(deployment)
    # As on any host; systemd does so itself, but not in what it takes for a container.
    subprocess.run(["mount", "--make-rshared", "/"], env=ENVIRONMENT, check=True)


def sweep(name: str) -> None:
    """Remove the cgroups of a host that was ended, when the last of its processes is gone; and what others left."""
    with softboot.hierarchy() as cgroups:
        softboot.remove(cgroups / name)
        softboot.sweep(cgroups, PREFIX)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        sweep(sys.argv[1])
    else:
        enter(sys.argv[1], *map(Path, sys.argv[2:]))
        os.execve(SYSTEMD, [SYSTEMD, "--system"], ENVIRONMENT)
