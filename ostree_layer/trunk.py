# SPDX-License-Identifier: GPL-2.0-or-later
"""What a staged root stands on: a commit as a directory that nobody writes to."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from ostree_layer import checkout, clone, staging, sysroot
from ostree_layer.ostree_gi import OSTree

CHECKOUT = "trunk"


@contextlib.contextmanager
def of(locked: OSTree.Sysroot, checksum: str, *, outlasts_lock: bool = False) -> Iterator[Path]:
    """The directory of the commit: a deployment, or where none has it a checkout of links, gone after the body.

    When the sysroot lock is not held any more, others may remove any deployment but the booted one.
    """
    booted = sysroot.find_booted(locked)
    lasting = [booted] if booted is not None else []
    deployed = next(
        (d for d in (lasting if outlasts_lock else locked.get_deployments()) if d.get_csum() == checksum), None
    )
    if deployed is not None:
        yield sysroot.deployment_path(locked, deployed)
        return
    folder = staging.swept_folder(sysroot.work_folder(locked))
    try:
        check_out(locked, checksum, folder / CHECKOUT)
        yield folder / CHECKOUT
    finally:
        if folder.exists():
            shutil.rmtree(folder)


def folders(path: Path) -> list[Path]:
    """The folders of our own that what `of` yielded needs."""
    return [path.parent] if path.name == CHECKOUT else []


def leave(path: Path) -> None:
    """Leave what `of` yielded to the clean-up, if it is a checkout: to remove it takes as long as to make it."""
    if path.name == CHECKOUT:
        path.parent.rename(path.parent.with_suffix(".left"))


def check_out(locked: OSTree.Sysroot, checksum: str, target: Path) -> None:
    """Make target, which is not there yet, the directory of the commit, by links."""
    store = sysroot.repository(locked)
    if store.get_mode() != OSTree.RepoMode.BARE:
        checkout.tree(store, checksum, target)
        return
    root = store.read_commit(checksum, None)[1]
    contents, meta = root.tree_get_contents_checksum(), root.tree_get_metadata_checksum()
    clone.clone(sysroot.objects_path(locked), contents, meta, target)
