# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree that boots in a virtual machine: the lab's smallest one, with an initramfs of its own dracut."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests import cached, guard, toys
from tests.lab import kernels, world
from tests.lab.host import COMPOSES
from tests.sysroots import ostree

REF = "world/12/x86_64/booting"
PACKAGES = ["dracut-core", "ostree-boot", "dracut-config-small"]


def repository() -> Path:
    """A repository with the tree at REF, made now if it is not in the cache."""
    rpms = world.repository()
    description = Path(__file__).read_bytes() + rpms.parent.name.encode() + kernels.SMALL.key().encode()
    return cached.folder("booting", description, lambda work, made: _compose(work, made, rpms)) / "repo"


def _compose(work: Path, made: Path, rpms: Path) -> None:
    dracut = toys.repository(work / "dracut", [kernels.SMALL])
    wanted = {"include": os.fspath(COMPOSES / "world-minimal.yaml"), "ref": REF, "repos": ["dracut"]}
    treefile = work / "booting.json"
    treefile.write_text(json.dumps({**wanted, "no-initramfs": False, "packages": PACKAGES}))
    ostree("init", f"--repo={work}/repo", "--mode=bare")
    given = [f"--repofrompath=world,file://{rpms}", f"--repofrompath=dracut,file://{dracut}"]
    argv = guard.dnf_argv(work, None, "--releasever=12", "-q", *given, "tree", "compose", f"--workdir={work}/work")
    done = guard.run(work, [*argv, os.fspath(treefile), f"--repo={work}/repo"])
    assert done.returncode == 0, done.stdout
    (work / "repo").rename(made / "repo")
