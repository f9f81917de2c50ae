# SPDX-License-Identifier: GPL-2.0-or-later
"""The boot of a soft-booted host: `softboot NAME SYSROOT DEPLOYMENT STATE [REPOSITORY [SERVER]]`.

libostree takes a deployment for booted when /run/ostree-booted exists and `/` is the deployment's directory; so it
becomes the root of a mount namespace, with /usr read-only, and then the tree's own systemd is process 1 there, as in a
container: it starts the tree's units, and finalizes a staged deployment when it is told to power off. Started by
`host.py` in namespaces of its own; what it runs is in a cgroup called NAME.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ostree_layer import mounts

# What the cgroup of a host is called: this, the process that started it, and something that no other has.
PREFIX = "ostree-layer-lab"
# Where a host sees the repository of packages, and the server of trees if there is one.
MEDIA = ("world", "trees")
SYSTEMD = "/usr/lib/systemd/systemd"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin", "LC_ALL": "C.UTF-8", "TERM": "dumb", "container": "softboot"}


def enter(name: str, sysroot: Path, deployment: Path, state: Path, *media: Path) -> None:
    """Make deployment the root; `state` holds what lasts from boot to shutdown, /run and /tmp."""
    with hierarchy() as cgroups:
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
    _show_kernel(deployment)
    for folder, source in zip(MEDIA, media):
        (state / "run/media" / folder).mkdir(parents=True, exist_ok=True)
        mounts.bind(source, deployment / "run/media" / folder, read_only=True)
    mounts.change_root(deployment)


def _show_kernel(root: Path) -> None:
    """What a kernel shows: processes, devices, and the cgroups of this host alone."""
    mounts.devices(root / "dev")
    (root / "dev/pts").mkdir()
    for kind, place, options in (
        ("proc", "proc", "nosuid,nodev,noexec"),
        ("sysfs", "sys", "ro,nosuid,nodev,noexec"),
        ("cgroup2", "sys/fs/cgroup", "nosuid,nodev,noexec"),
        ("devpts", "dev/pts", "newinstance,ptmxmode=0666,mode=620,gid=5"),
    ):
        _mount(kind, root / place, options)
    (root / "dev/ptmx").symlink_to("pts/ptmx")


def _mount(kind: str, place: Path, options: str) -> None:
    subprocess.run(["mount", "-t", kind, "-o", options, kind, os.fspath(place)], check=True)


@contextlib.contextmanager
def hierarchy() -> Iterator[Path]:
    """All cgroups of the machine, at a place of this process's mount namespace."""
    with tempfile.TemporaryDirectory() as folder:
        _mount("cgroup2", Path(folder), "nosuid,nodev,noexec")
        yield Path(folder)
        mounts.unmount(Path(folder))


def sweep(name: str) -> None:
    """Remove the cgroups of a host that was ended, when the last of its processes is gone; and what others left."""
    with hierarchy() as cgroups:
        while _is_populated(cgroups / name):
            time.sleep(0.01)
        _remove(cgroups / name)
        for left in cgroups.glob(f"{PREFIX}-*"):
            # Another test may be at it, too.
            with contextlib.suppress(FileNotFoundError):
                if not Path("/proc", left.name.split("-")[-2]).exists() and not _is_populated(left):
                    _remove(left)


def _is_populated(cgroup: Path) -> bool:
    return "populated 0" not in (cgroup / "cgroup.events").read_text()


def _remove(cgroup: Path) -> None:
    for folder, _below, _files in os.walk(cgroup, topdown=False):
        os.rmdir(folder)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        sweep(sys.argv[1])
    else:
        enter(sys.argv[1], *map(Path, sys.argv[2:]))
        os.execve(SYSTEMD, [SYSTEMD, "--system"], ENVIRONMENT)
