# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree that boots in a virtual machine: the lab's smallest one, with an initramfs of its own dracut."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from tests import cached, guard, toys
from tests.lab import kernels, world
from tests.lab.host import COMPOSES
from tests.sysroots import ostree
from tests.toys import Toy

REF = "world/12/x86_64/booting"
PACKAGES = ["dracut-core", "ostree-boot", "dracut-config-small"]
# Drivers of the virtual machine, and what of dracut leads to a deployment.
SMALL = Toy(
    "dracut-config-small",
    "2",
    files={
        "/usr/lib/dracut/dracut.conf.d/50-small.conf": 'drivers="virtio_blk virtio_pci ext4 overlay"\ncompress="gzip"\n'
        'dracutmodules="systemd systemd-initrd dracut-systemd ostree rootfs-block udev-rules base fs-lib shutdown"\n'
    },
)


def repository() -> Path:
    """A repository with the tree at REF, made now if it is not in the cache."""
    rpms = {"world": world.repository(), "kernels": kernels.repository()}
    names = "".join(path.name for path in rpms.values())
    description = Path(__file__).read_bytes() + names.encode()
    return cached.folder("booting", description, lambda work, made: _compose(work, made, rpms)) / "repo"


def _compose(work: Path, made: Path, rpms: dict[str, Path]) -> None:
    dracut = work / "dracut"
    shutil.copytree(rpms["kernels"], dracut, ignore=shutil.ignore_patterns("linux-*", "kernel*", "kmod-*", "repodata"))
    toys.repository(dracut, [SMALL])
    wanted = {"include": os.fspath(COMPOSES / "world-minimal.yaml"), "ref": REF, "repos": ["dracut"]}
    treefile = work / "booting.json"
    treefile.write_text(json.dumps({**wanted, "no-initramfs": False, "packages": PACKAGES}))
    ostree("init", f"--repo={work}/repo", "--mode=bare")
    given = [f"--repofrompath=world,file://{rpms['world']}", f"--repofrompath=dracut,file://{dracut}"]
    argv = guard.dnf_argv(work, None, "--releasever=12", "-q", *given, "tree", "compose", f"--workdir={work}/work")
    done = guard.run(work, [*argv, os.fspath(treefile), f"--repo={work}/repo"])
    assert done.returncode == 0, done.stdout
    (work / "repo").rename(made / "repo")
