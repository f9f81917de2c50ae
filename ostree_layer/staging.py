# SPDX-License-Identifier: GPL-2.0-or-later
"""The staged root: a writable view of a deployment in which a transaction runs, seen by nobody else."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ostree_layer import mounts
from ostree_layer.errors import MountError
from ostree_layer.layout import places
from ostree_layer.layout.places import Place
from ostree_layer.staged_root import StagedRoot

STAGING = "staging"
# Where packages and their scriptlets expect to find a directory, whatever the tree's own tmpfiles.d says.
VAR_DIRECTORIES = {"cache": 0o755, "lib": 0o755, "log": 0o755, "spool": 0o755, "tmp": 0o1777}


@contextlib.contextmanager
def staged_root(work_folder: Path, lower: Path) -> Iterator[StagedRoot]:
    """Make the folders of a staged root over lower; they are gone after the body."""
    with temporary(work_folder) as folder:
        staged = StagedRoot(folder, lower)
        for directory in (staged.root, staged.upper, staged.work, staged.var):
            directory.mkdir()
        # The upper's own mode and owner become those of the merged root.
        shutil.copystat(lower, staged.upper)
        yield staged


@contextlib.contextmanager
def temporary(work_folder: Path) -> Iterator[Path]:
    """Make a folder that is gone after the body."""
    folder = swept_folder(work_folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def swept_folder(work_folder: Path) -> Path:
    """Make a folder that a later run removes if this one does not."""
    parent = work_folder / STAGING
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=parent))


def sweep(work_folder: Path) -> None:
    """Remove what killed runs left; the caller holds the sysroot lock, so what no run has claimed is used by none."""
    with contextlib.suppress(FileNotFoundError):
        for folder in list((work_folder / STAGING).iterdir()):
            if not _is_claimed(folder):
                shutil.rmtree(folder)


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep a folder from being swept for the body, or until all processes that it has started have ended.

    The caller holds the sysroot lock now, and need not do so in the body.
    """
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(number, fcntl.LOCK_SH)
        yield
    finally:
        os.close(number)


def _is_claimed(folder: Path) -> bool:
    try:
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:  # whoever had claimed it removes it
        return True
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(number)
    return False


@contextlib.contextmanager
def mounted(staged: StagedRoot) -> Iterator[None]:
    """Mount the staged root for the body, in the private mount namespace that this process is in."""
    with contextlib.ExitStack() as stack:
        mount_root(staged, stack)
        root = staged.root
        _show(stack, root / "etc", lambda at: mounts.bind(root / "usr/etc", at))
        populate_var(staged)
        _show(stack, root / "var", lambda at: mounts.bind(staged.var, at))
        for place in (place for place in places.of(root) if not place.is_copied):
            _show_place(stack, root, place)
        _show(stack, root / "proc", mounts.proc)
        _show(stack, root / "dev", mounts.devices)
        _show(stack, root / "run", mounts.tmpfs)
        for target in _links_into("run", staged.lower):
            (root / target).mkdir(parents=True, exist_ok=True)
        _show(stack, root / "sysroot", mounts.tmpfs)
        mount_tmp(stack, root)
        yield


def mount_root(staged: StagedRoot, stack: contextlib.ExitStack) -> None:
    """Show the lower with the upper on it."""
    try:
        mounts.overlay(staged.lower, staged.upper, staged.work, staged.root)
    except MountError as e:
        raise MountError(
            f"{staged.folder} cannot carry a staged root: {e}",
            hint="the sysroot must be on a file system that overlayfs can write to, not on another overlay",
        ) from e
    stack.callback(mounts.unmount, staged.root)


def _show(stack: contextlib.ExitStack, at: Path, mount: mounts.Mount) -> None:
    """Mount something at a directory of the root, and take it away again in reverse order."""
    if not at.is_symlink():
        at.mkdir(exist_ok=True)
        mount(at)
        stack.callback(mounts.unmount, at)


def _show_place(stack: contextlib.ExitStack, root: Path, place: Place) -> None:
    """Let packages find what the tree keeps in /usr where they look for it."""
    (root / place.kept).mkdir(parents=True, exist_ok=True)
    (root / place.seen).mkdir(parents=True, exist_ok=True)
    _show(stack, root / place.seen, lambda at: mounts.bind(root / place.kept, at))


def mount_tmp(stack: contextlib.ExitStack, root: Path) -> None:
    """A private /tmp, also where the tree has it as a link to sysroot/tmp."""
    if (root / "tmp").is_symlink():
        (root / "sysroot/tmp").mkdir(exist_ok=True)
    _show(
        stack,
        root / ("sysroot/tmp" if (root / "tmp").is_symlink() else "tmp"),
        lambda at: mounts.tmpfs(at, mode=0o1777),
    )


def populate_var(staged: StagedRoot) -> None:
    """Give the private /var what every host has: the usual directories and the targets of the root's links."""
    for name, mode in VAR_DIRECTORIES.items():
        (staged.var / name).mkdir()
        (staged.var / name).chmod(mode)
    (staged.var / "run").symlink_to("../run")
    (staged.var / "lock").symlink_to("../run/lock")
    for target in _links_into("var", staged.lower):
        (staged.folder / target).mkdir(parents=True, exist_ok=True)


def _links_into(folder: str, tree: Path) -> Iterator[str]:
    """The places below a folder of the root that the tree's own top-level directories are links to."""
    for link in (*tree.iterdir(), tree / "usr/local"):
        target = os.readlink(link).lstrip("./") if link.is_symlink() else ""
        if target.startswith(f"{folder}/"):
            yield target
