# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf system-commit`: what was done to the /usr of the running host by hand becomes a deployment."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ostree_layer import (
    account_files,
    activation,
    by_hand,
    database,
    deploy,
    dnf_base,
    folders,
    fsck,
    host,
    layout,
    ledger,
    metadata,
    mounts,
    origin,
    repo,
    requests,
    seal,
    signals,
    staging,
    sysroot,
    trunk,
    unlocked,
)
from ostree_layer.by_hand import Books, Found
from ostree_layer.by_hand_model import ByHand
from ostree_layer.contents import Contents
from ostree_layer.deploy import Tree
from ostree_layer.errors import HostError
from ostree_layer.failpoint import failpoint
from ostree_layer.folders import Change
from ostree_layer.layout.kernel import Wishes
from ostree_layer.model import Deployed, LocalCommit, Requests, Settings, Target, Transaction
from ostree_layer.ostree_gi import OSTree
from ostree_layer.report import Report
from ostree_layer.staged_root import StagedRoot
from ostree_layer.workpiece import Workpiece

STILL_RUNS = "Until then the unlocked deployment runs; what is changed in it from now on is not in the new one."
# So many damaged files are named in one sentence.
NAMED = 5


@dataclasses.dataclass(frozen=True)
class Plan:
    """What was found in the running /usr, which `seen` has; it holds as long as the sysroot is locked.

    `staged` is over the tree as its commit has it.
    """

    target: Target
    locked: OSTree.Sysroot
    start: OSTree.Deployment
    staged: StagedRoot
    seen: Path
    found: Found
    is_unlocked: bool

    @property
    def former(self) -> Requests:
        """What the user has asked for before."""
        local = ledger.read_local(self._store, self.start.get_csum())
        return local.requests if local else Requests()

    @property
    def wanted(self) -> LocalCommit:
        """What the new commit says of itself, but for what made it: packages by hand are as good as asked for."""
        found, checksum = self.found, self.start.get_csum()
        lineage = ledger.read_lineage(self._store, checksum, origin.refspec(self.start))
        former, before = lineage.requests, {package.name_arch for package in found.before}
        known = {*former.packages}
        asked = {p for p in found.now if p.name_arch not in before or not known.isdisjoint({p.name, p.name_arch})}
        wanted = requests.of_tree(lineage.base_packages, found.now, asked, former, {})
        present = {name for package in found.now for name in (package.name, package.name_arch)}
        wanted = requests.still_waiting(former, wanted, present)
        return LocalCommit(lineage.base, lineage.base_refspec, checksum, wanted, Transaction())

    @property
    def by_hand(self) -> ByHand:
        """All that is by hand in the new tree."""
        return self.found.in_all(ledger.read_by_hand(self._store, self.start.get_csum()))

    def carry_out(self, base: Any, settings: Settings, made_by: Transaction, message: str, report: Report) -> Deployed:
        """Make the tree and deploy it; `message` is the subject of its commit, if there is one."""
        os.umask(0o022)
        command = made_by.command
        with contextlib.ExitStack() as mounted:
            piece = self._stage(settings, mounted)
            entries = self._note(base, command, message)
            with report("Taking over what was changed"):
                wishes = Wishes(metadata.parse_initramfs_arguments(repo.metadata(self._previous)))
                left_out = piece.normalise((), (), wishes, report)
                stateroot, defaults = self.start.get_osname(), self.staged.root / "usr/etc"
                conflicts = activation.meet_local_etc(self.locked, stateroot, defaults)
                piece.unmount()
        failpoint("system-commit::normalised")
        with report("Writing the tree"):
            content = self._content(dataclasses.replace(made_by, history=entries), message)
            sealed = seal.seal(piece.graft, self.locked, self.start.get_csum(), content, settings)
        keyfile = origin.of_tree(self.start, None, sealed.words.layer, is_local=True)
        tree = Tree(sealed.checksum, keyfile, sealed.lean, self.staged.folder)
        site = activation.Site(self.target, self.locked, self.start.get_osname(), self.start, command)
        with report("Deploying it"), signals.held_off():
            notices = (*([STILL_RUNS] if self.is_unlocked else []), *sealed.words.notices)
            deployed = activation.activate(site, tree, settings, (conflicts, left_out, notices))
        deploy.clean_up_later(self.target, settings.history)
        return deployed

    def _stage(self, settings: Settings, mounted: contextlib.ExitStack) -> Workpiece:
        """Mount the staged root, and make the same changes in it."""
        root = self.staged.root
        mounted.enter_context(staging.mounted(self.staged))
        version, epoch = repo.version(self._previous), host.source_date_epoch(os.environ)
        former = layout.remember(root, epoch, version, named=settings.os_release)
        accounts = account_files.read(sysroot.deployment_path(self.locked, self.start) / "etc")
        piece = Workpiece(self.staged, former, accounts, mounted)
        folders.apply(self.found.changes, self.seen, root)
        failpoint("system-commit::staged")
        return piece

    def _note(self, base: Any, command: str, message: str) -> tuple[int, ...]:
        """Make an entry in DNF's history, if the tree has one; return its id."""
        history = self.staged.root / database.HISTORY_DIRECTORY / database.HISTORY
        if not history.exists():
            return ()
        return (dnf_base.write_entry(base, self.staged.root, command, message),)

    def _content(self, made_by: Transaction, message: str) -> seal.Content:
        before, now = set(self.found.before), set(self.found.now)
        done = dataclasses.replace(
            made_by,
            installed=tuple(sorted(package.nevra for package in now - before)),
            removed=tuple(sorted(package.nevra for package in before - now)),
            has_former_history=True,
        )
        local = dataclasses.replace(self.wanted, transaction=done)
        own = {metadata.BY_HAND: metadata.by_hand_variant(self.by_hand)}
        return seal.Content(local, now, own=own, subject=message)

    @property
    def _previous(self) -> Any:
        return repo.load_commit(self._store, self.start.get_csum())

    @property
    def _store(self) -> OSTree.Repo:
        return sysroot.repository(self.locked)


@contextlib.contextmanager
def planned(target: Target, report: Report, *, from_booted: bool) -> Iterator[Plan]:
    """Find what was changed in the /usr of the booted deployment; for the body, plan to make a deployment of it."""
    if not target.is_booted_host:
        raise HostError(f"'dnf system-commit' is about the /usr that runs, and {target.sysroot} is not what is booted")
    with sysroot.changing(target) as locked, contextlib.ExitStack() as stack:
        failpoint("system-commit::locked")
        start = _start(locked, from_booted=from_booted)
        work = sysroot.work_folder(locked)
        staging.sweep(work)
        scratch = stack.enter_context(staging.temporary(work))
        layer, deployed = unlocked.find_upper(locked, start), sysroot.deployment_path(locked, start)
        if layer is not None:
            lower, seen = deployed, _see_usr(scratch / "seen", stack)
            changes = list(_written(layer, lower, seen))
        else:
            with report("Reading the deployment"):
                lower, seen = _pristine(locked, start, scratch), deployed
                changes = list(folders.compare(lower, seen, "usr"))
        former = ledger.read_by_hand(sysroot.repository(locked), start.get_csum())
        was, now = (
            Books.copied(tree, deployed, scratch / name) for tree, name in ((lower, "rpmdb-was"), (seen, "rpmdb-is"))
        )
        found = by_hand.sort_out(changes, seen, was, now, former)
        staged = stack.enter_context(staging.staged_root(work, lower))
        yield Plan(target, locked, start, staged, seen, found, is_unlocked=layer is not None)


def _start(locked: OSTree.Sysroot, *, from_booted: bool) -> OSTree.Deployment:
    """The booted deployment, if nothing else boots next that would be lost."""
    booted, following = sysroot.find_booted(locked), locked.get_deployments()[0]
    if booted is None:
        raise HostError("no deployment is booted, so there is no running /usr that could become one")
    if not from_booted and not following.equal(booted):
        hint = "reboot to start it, drop it by 'dnf rollback', or leave it out by --from-booted"
        name, what = following.get_csum()[:12], "waits for the reboot" if following.is_staged() else "boots next"
        raise HostError(f"deployment {name} {what}, and what was changed by hand is not on it", hint=hint)
    return booted


def _see_usr(folder: Path, stack: contextlib.ExitStack) -> Path:
    """The running /usr, without what else is mounted in it, below a folder."""
    (folder / "usr").mkdir(parents=True)
    mounts.bind(unlocked.USR, folder / "usr", recursive=False)
    stack.callback(mounts.unmount, folder / "usr")
    return folder


def _written(layer: Path, lower: Path, seen: Path) -> Iterator[Change]:
    if not layer.is_dir():
        raise HostError(f"{layer}, where the changes of the unlocked /usr are, cannot be reached")
    return folders.written(layer, lower, seen, "usr")


def _pristine(locked: OSTree.Sysroot, booted: OSTree.Deployment, scratch: Path) -> Path:
    """A checkout of the booted commit.

    HostError where an object is damaged: whoever writes to a file of a deployment writes to the object, too.
    """
    store, checksum = sysroot.repository(locked), booted.get_csum()
    if damaged := fsck.read_objects(store, checksum)[1]:
        objects = {words.partition(".")[0] for words in damaged}
        contents = Contents(store, checksum)
        paths = [path for path, entry in contents.walk(contents.root) if entry.contents in objects]
        named = ", ".join(sorted(paths)[:NAMED] or damaged[:NAMED]) + (", ..." if len(damaged) > NAMED else "")
        hint = "'ostree fsck --delete' drops the damaged objects, and a pull of the commit brings them again"
        raise HostError(f"the files of deployment {checksum[:12]} were written to in place: {named}", hint=hint)
    trunk.check_out(locked, checksum, scratch / trunk.CHECKOUT)
    return scratch / trunk.CHECKOUT
