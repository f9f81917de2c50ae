# SPDX-License-Identifier: GPL-2.0-or-later
"""A disk with one commit deployed on it: a sysroot in a folder, and an image of it, made without a mount."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

from ostree_layer import deploy, process, repo, sysroot
from ostree_layer.errors import CommandError, HostError, MachineError, UnbootableError
from ostree_layer.model import Target
from ostree_layer.ostree_gi import OSTree, gfile, translated
from ostree_layer.vm import scratch, supplement
from ostree_layer.vm.machine import Boot, Machine

STATEROOT, LABEL = "smoketest", "root"
MAKER = "mke2fs"
# What is shown goes to the screen and to the line that is kept; the last one is where systemd tells what it does.
ARGUMENTS = (f"root=LABEL={LABEL}", "rw", "console=tty0", "console=ttyS0")
# What the kernel does after a panic: restart at once, which is the end.
AT_ITS_END = "panic=-1"
# Bytes that are free on the disk; an image takes only what is written.
FREE = 2 << 30


def require_tools() -> None:
    """MachineError where no disk can be made here."""
    if os.geteuid():
        raise MachineError("only root can install a tree on a disk, as its files have owners")
    _maker()


def _maker() -> str:
    found = shutil.which(MAKER, path=f"{os.environ.get('PATH', '')}:{process.ENVIRONMENT['PATH']}")
    if found is None:
        raise MachineError(f"{MAKER} is not on this machine, and makes the disks", hint="install e2fsprogs")
    return found


def machine_of(store: OSTree.Repo, checksum: str, folder: Path, content: supplement.Content) -> Machine:
    """Put a commit on a disk of a machine which boots it with content in its /run, and ends where its kernel does."""
    found = install(store, checksum, folder / scratch.SYSROOT)
    (folder / "initramfs").write_bytes(supplement.supplemented(found.initramfs.read_bytes(), content))
    image(folder / scratch.SYSROOT, folder / "disk.img")
    boot = dataclasses.replace(found, initramfs=folder / "initramfs", options=f"{found.options} {AT_ITS_END}")
    return Machine(boot, folder / "disk.img", keeps=True, stays=True)


def install(store: OSTree.Repo, checksum: str, place: Path) -> Boot:
    """Deploy a commit in a new sysroot, and return what boots it; UnbootableError where nothing of it does."""
    (place / "boot").mkdir(parents=True)
    created = OSTree.Sysroot.new(gfile(place))
    with translated(f"making a sysroot in {place}", HostError):
        created.ensure_initialized(None)
        created.load(None)
        created.init_osname(STATEROOT, None)
    _configure(sysroot.repository(created))
    target = Target(os.fspath(place), STATEROOT)
    with sysroot.locked(target) as locked:
        repo.pull_commit(repo.open_repo(place / "ostree/repo"), store, checksum)
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
        raise UnbootableError(f"commit {checksum[:12]} has no initramfs, so it cannot boot by itself", hint=hint)
    return Boot(place / kernel.lstrip("/"), place / initramfs.lstrip("/"), entry.get("options"))


def image(place: Path, made: Path) -> None:
    """Write a sysroot in a folder to a disk image."""
    try:
        _fill(place, made)
    except CommandError as e:
        hint = "the file system needs about twice the room of the tree"
        raise MachineError(f"no disk can be made of {place}: {'; '.join(e.stderr.splitlines())}", hint=hint) from e


def _fill(place: Path, made: Path) -> None:
    size = int(process.run(["du", "-s", "--block-size=1", os.fspath(place)]).split()[0])
    with made.open("wb") as file:
        file.truncate(int(size * 1.2) + FREE)
    options = ("-q", "-t", "ext4", "-L", LABEL, "-E", "lazy_itable_init=1,lazy_journal_init=1")
    process.run([_maker(), *options, "-d", os.fspath(place), os.fspath(made)])
