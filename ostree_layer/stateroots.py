# SPDX-License-Identifier: GPL-2.0-or-later
"""Stateroots: each has deployments, and /var and /etc, of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from ostree_layer import choice, deploy, local_history, origin, repo, retention, staging, sysroot
from ostree_layer.errors import HostError
from ostree_layer.failpoint import failpoint
from ostree_layer.model import Settings, Target
from ostree_layer.ostree_gi import OSTree, translated

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")


@dataclasses.dataclass(frozen=True)
class Entry:
    """A deployment of a stateroot, by its index among all."""

    index: int
    checksum: str
    version: str
    label: str
    booted: bool
    staged: bool
    pinned: bool


@dataclasses.dataclass(frozen=True)
class Stateroot:
    """`deployments` are in boot order, `booted` says whether one of them is."""

    name: str
    booted: bool
    deployments: tuple[Entry, ...]


def read(loaded: OSTree.Sysroot) -> list[Stateroot]:
    """All stateroots by name, those without a deployment too."""
    return [_read_one(loaded, name) for name in sysroot.stateroots(loaded)]


def _read_one(loaded: OSTree.Sysroot, name: str) -> Stateroot:
    entries = tuple(_entry(loaded, deployment) for deployment in sysroot.deployments_of(loaded, name))
    return Stateroot(name, any(entry.booted for entry in entries), entries)


def _entry(loaded: OSTree.Sysroot, deployment: OSTree.Deployment) -> Entry:
    booted = sysroot.find_booted(loaded)
    return Entry(
        index=choice.index_of(loaded, deployment),
        checksum=deployment.get_csum(),
        version=repo.version(repo.load_commit(sysroot.repository(loaded), deployment.get_csum())),
        label=origin.label(deployment),
        booted=booted is not None and deployment.equal(booted),
        staged=deployment.is_staged(),
        pinned=retention.is_pinned_by_user(deployment),
    )


def create(target: Target, name: str) -> None:
    """Make a stateroot with an empty /var, as libostree does."""
    if not NAME.fullmatch(name):
        hint = "it is of letters, digits, dots, hyphens and underscores, and does not begin with a dot or hyphen"
        raise HostError(f"{name} is no name for a stateroot", hint=hint)
    with sysroot.changing(target) as locked:
        if sysroot.stateroot_path(locked, name).exists():
            raise HostError(f"there is a stateroot {name} already")
        with translated(f"making the stateroot {name}", HostError):
            locked.init_osname(name, None)


@dataclasses.dataclass(frozen=True)
class Removal:
    """A stateroot that is to go, and its deployments, the pinned ones apart; it holds while the sysroot is locked."""

    target: Target
    locked: OSTree.Sysroot
    name: str
    deployments: tuple[str, ...]
    pinned: tuple[str, ...]

    def carry_out(self, settings: Settings) -> None:
        """Deployments first: what a crash leaves is a stateroot without any, which can be removed again."""
        locked = self.locked
        failpoint("stateroots::chosen")
        if self.deployments:
            rest = [d for d in locked.get_deployments() if d.get_osname() != self.name]
            sysroot.write_deployments(locked, rest)
        failpoint("stateroots::undeployed")
        store = sysroot.repository(locked)
        local_history.drop(store, self.name)
        if repo.resolve(store, repo.local_ref(self.name)) is not None:
            repo.set_ref(store, repo.local_ref(self.name), None)
        failpoint("stateroots::forgotten")
        sysroot.remove_undeployed(locked)
        failpoint("stateroots::cleaned")
        _remove(sysroot.stateroot_path(locked, self.name), sysroot.work_folder(locked))
        deploy.clean_up_later(self.target, settings.history)


@contextlib.contextmanager
def removal(target: Target, name: str) -> Iterator[Removal]:
    """For the body, plan to remove a stateroot with all that is in it."""
    with sysroot.changing(target) as locked:
        sysroot.require_existing(locked, name)
        folder, booted = sysroot.stateroot_path(locked, name), sysroot.find_booted(locked)
        if booted is not None and booted.get_osname() == name:
            raise HostError(f"the stateroot {name} is booted", hint="boot another one first: 'dnf stateroot switch'")
        found = sysroot.deployments_of(locked, name)
        if len(found) == len(locked.get_deployments()):
            raise HostError(f"{name} has the only deployments of {target.sysroot}, which would not boot without them")
        if any(os.path.ismount(path) for path in (folder, folder / "var")):
            raise HostError(f"{folder} has a file system mounted in it", hint="unmount it first")
        pinned = tuple(choice.title(locked, d) for d in found if retention.is_pinned_by_user(d))
        yield Removal(target, locked, name, tuple(choice.title(locked, d) for d in found), pinned)


def _remove(folder: Path, work: Path) -> None:
    """Take the folder away in one step, and then what is in it: the clean-up goes on with that after a crash."""
    trash = staging.swept_folder(work)
    try:
        os.rename(folder, trash / folder.name)
        failpoint("stateroots::moved")
        shutil.rmtree(trash)
    except OSError as e:
        raise HostError(f"removing {folder}: {e.strerror}: {e.filename}") from e
