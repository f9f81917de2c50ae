# SPDX-License-Identifier: GPL-2.0-or-later
"""Room in /boot for the kernel of a new deployment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ostree_layer import sysroot
from ostree_layer.errors import DeployError
from ostree_layer.layout.initramfs import IMAGE, MODULES
from ostree_layer.ostree_gi import Gio, OSTree, translated

# libostree copies these to /boot/ostree, once for all deployments that have the same.
COPIED = ("vmlinuz", IMAGE, "devicetree", "dtb")
# Bytes: for boot loader entries, directories, and files that fill their last block only in part.
MARGIN = 1 << 20

Sizes = dict[str, int]


def require_space(locked: OSTree.Sysroot, stateroot: str, checksum: str) -> None:
    """Refuse a commit whose kernel and initramfs are not in /boot yet and do not fit into it.

    A staged deployment is written there when the host shuts down; nobody could be told then.
    """
    store = sysroot.repository(locked)
    with translated("looking for the kernel of the new deployment", DeployError):
        files = _boot_files(store, checksum)
        present = [_boot_files(store, d.get_csum()) for d in sysroot.finalized(locked, stateroot)]
    if not files or files in present:
        return
    boot = Path(locked.get_path().get_path()) / "boot"
    needed, left = sum(files.values()) + MARGIN, _space_left(boot)
    if needed > left:
        raise DeployError(
            f"the kernel and the initramfs of the new deployment need {-(-needed >> 20)} MB in {boot}, "
            f"which has {left >> 20} MB left",
            hint="'ostree admin undeploy INDEX' takes away a deployment that nobody needs any more, and its kernel",
        )


def _space_left(boot: Path) -> int:
    file_system = os.statvfs(boot)
    return file_system.f_bfree * file_system.f_frsize


def _boot_files(store: OSTree.Repo, checksum: str) -> Sizes:
    """The size of each file that libostree would copy, by its object; empty where the tree has no kernel."""
    modules = store.read_commit(checksum, None)[1].resolve_relative_path(MODULES)
    kernels = [folder for folder in _children(modules) if folder.get_child("vmlinuz").query_exists(None)]
    return dict(sizes for folder in kernels for name in COPIED for sizes in _sizes(folder.get_child(name)))


def _sizes(file: Gio.File) -> Iterator[tuple[str, int]]:
    if not file.query_exists(None):
        return
    info = file.query_info("standard::*", Gio.FileQueryInfoFlags.NOFOLLOW_SYMLINKS, None)
    if info.get_file_type() == Gio.FileType.DIRECTORY:
        for child in _children(file):
            yield from _sizes(child)
    else:
        yield file.get_checksum(), info.get_size()


def _children(folder: Gio.File) -> list[Gio.File]:
    if not folder.query_exists(None):
        return []
    found = folder.enumerate_children("standard::name", Gio.FileQueryInfoFlags.NOFOLLOW_SYMLINKS, None)
    return [folder.get_child(info.get_name()) for info in found]
