# SPDX-License-Identifier: GPL-2.0-or-later
"""A disk with one commit deployed on it: a sysroot in a folder, and an image of it, made without a mount."""

from __future__ import annotations

import os
from pathlib import Path

from ostree_layer import deploy, process, repo, sysroot
from ostree_layer.errors import HostError, MachineError
from ostree_layer.model import Target
from ostree_layer.ostree_gi import OSTree, gfile, translated
from ostree_layer.vm.machine import Boot

STATEROOT, LABEL = "smoketest", "root"
# What is shown goes to the screen and to the line that is kept; the last one is where systemd tells what it does.
ARGUMENTS = (f"root=LABEL={LABEL}", "rw", "console=tty0", "console=ttyS0")
# Bytes that are free on the disk; an image takes only what is written.
FREE = 2 << 30


def install(store: OSTree.Repo, checksum: str, place: Path) -> Boot:
    """Deploy a commit in a new sysroot, and return what boots it; MachineError where nothing of it does."""
    (place / "boot").mkdir(parents=True)
    created = OSTree.Sysroot.new(gfile(place))
    with translated(f"making a sysroot in {place}", HostError):
        created.ensure_initialized(None)
        created.load(None)
        created.init_osname(STATEROOT, None)
    _configure(sysroot.repository(created))
    target = Target(os.fspath(place), STATEROOT)
    with sysroot.locked(target) as locked:
        repo.pull_commit(sysroot.repository(locked), store, checksum)
        origin = locked.origin_new_from_refspec(checksum)
        tree = deploy.Tree(checksum, origin, None, place, list(ARGUMENTS))
        deploy.deploy(target, locked, STATEROOT, tree, staged=False)
    return _boot(sysroot.open_sysroot(target), checksum)


def _configure(store: OSTree.Repo) -> None:
    """No boot loader, and /sysroot read-only as on any host of today."""
    config = store.copy_config()
    config.set_string("sysroot", "bootloader", "none")
    config.set_boolean("sysroot", "readonly", True)
    with translated("configuring the sysroot", HostError):
        store.write_config(config)


def _boot(loaded: OSTree.Sysroot, checksum: str) -> Boot:
    (deployment,) = loaded.get_deployments()
    # It can be taken away as any folder can.
    with translated("opening the deployment", HostError):
        loaded.deployment_set_mutable(deployment, True, None)
    entry, place = deployment.get_bootconfig(), Path(loaded.get_path().get_path()) / "boot"
    kernel, initramfs = (entry.get(name) for name in ("linux", "initrd"))
    if not initramfs:
        hint = "compose it without 'no-initramfs: true', with dracut and ostree's module for it"
        raise MachineError(f"commit {checksum[:12]} has no initramfs, so it cannot boot by itself", hint=hint)
    return Boot(place / kernel.lstrip("/"), place / initramfs.lstrip("/"), entry.get("options"))


def image(place: Path, made: Path) -> None:
    """Write a sysroot in a folder to a disk image."""
    size = int(process.run(["du", "-s", "--block-size=1", os.fspath(place)]).split()[0])
    with made.open("wb") as file:
        file.truncate(int(size * 1.2) + FREE)
    options = ("-q", "-t", "ext4", "-L", LABEL, "-E", "lazy_itable_init=1,lazy_journal_init=1")
    process.run(["mke2fs", *options, "-d", os.fspath(place), os.fspath(made)])
