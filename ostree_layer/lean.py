# SPDX-License-Identifier: GPL-2.0-or-later
"""A lean view of a commit, for libostree to deploy: all of it but the bulk of /usr.

libostree needs of /usr what it merges and boots: /usr/etc and the kernel. Shown that, it makes a whole deployment in no
time: directory, /etc, origin, boot loader entry, state files. The real /usr is then put in the place of the lean one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ostree_layer import mounts
from ostree_layer.ostree_gi import Gio, OSTree, content

# Where libostree looks for a kernel, and what it looks for beside one.
MODULES, LEGACY_KERNEL = "usr/lib/modules", "usr/lib/ostree-boot"
BOOT_FILES = (
    "vmlinuz",
    "vmlinux",
    "initramfs.img",
    "initramfs",
    "devicetree",
    ".vmlinuz.hmac",
    "aboot.img",
    "aboot.cfg",
)
BOOT_DIRECTORIES = ("dtb",)
# Whether the root is composefs is said by the tree, or by the repository.
BOOT_CONFIG = "usr/lib/ostree"
PREPARE_ROOT = f"{BOOT_CONFIG}/prepare-root.conf"
SELINUX_CONFIG = "usr/etc/selinux/config"
COMPOSEFS_IMAGE = ".ostree.cfs"


class LeanUsr(NamedTuple):
    """The checksums of a commit's /usr, and of the dirtree that is to be seen in the place of its contents.

    `runs_semodule`: libostree runs the semodule of the tree, which takes the whole /usr, when it has merged /etc.
    """

    contents: str
    meta: str
    lean: str
    runs_semodule: bool


def write(store: OSTree.Repo, checksum: str) -> LeanUsr | None:
    """Write the lean dirtree of a commit's /usr in the transaction that store is in.

    None where a deployment is more than links to objects: in other modes of repository, and with composefs.
    """
    root = store.read_commit(checksum, None)[1]
    if store.get_mode() != OSTree.RepoMode.BARE or _mentions_composefs(store, root):
        return None
    usr = _find(root, "usr")
    if usr is None:
        return None
    tree = OSTree.MutableTree.new()
    tree.set_metadata_checksum(usr.tree_get_metadata_checksum())
    _take(store, tree, root, "usr/etc")
    _take(store, tree, root, BOOT_CONFIG)
    _take(store, tree, root, LEGACY_KERNEL)
    for version in _children(root, MODULES):
        for name in (*BOOT_FILES, *BOOT_DIRECTORIES):
            _take(store, tree, root, f"{MODULES}/{version}/{name}")
    lean = store.write_mtree(tree, None)[1].tree_get_contents_checksum()
    runs_semodule = _find(root, SELINUX_CONFIG) is not None
    return LeanUsr(usr.tree_get_contents_checksum(), usr.tree_get_metadata_checksum(), lean, runs_semodule)


def _mentions_composefs(store: OSTree.Repo, root: OSTree.RepoFile) -> bool:
    config = store.get_config()
    if config.has_group("ex-integrity") and "composefs" in config.get_keys("ex-integrity")[0]:
        return True
    found = _find(root, PREPARE_ROOT)
    return found is not None and b"composefs" in content(found)


def _find(root: OSTree.RepoFile, path: str) -> OSTree.RepoFile | None:
    found = root.resolve_relative_path(path)
    if not found.query_exists(None):
        return None
    found.ensure_resolved()
    return found


def _children(root: OSTree.RepoFile, path: str) -> Iterator[str]:
    found = _find(root, path)
    if found is None:
        return
    listing = found.enumerate_children("standard::name", Gio.FileQueryInfoFlags.NOFOLLOW_SYMLINKS, None)
    while (info := listing.next_file(None)) is not None:
        yield info.get_name()


def _take(store: OSTree.Repo, tree: OSTree.MutableTree, root: OSTree.RepoFile, path: str) -> None:
    """Put what the commit has at path, if it has anything there, into tree, which is that of /usr."""
    found = _find(root, path)
    if found is None:
        return
    at, *folders, name = path.split("/")
    for folder in folders:
        at = f"{at}/{folder}"
        tree = tree.ensure_dir(folder)[1]
        parent = root.resolve_relative_path(at)
        parent.ensure_resolved()
        tree.set_metadata_checksum(parent.tree_get_metadata_checksum())
    if found.query_file_type(Gio.FileQueryInfoFlags.NOFOLLOW_SYMLINKS, None) != Gio.FileType.DIRECTORY:
        tree.replace_file(name, found.get_checksum())
        return
    below = tree.ensure_dir(name)[1]
    below.fill_empty_from_dirtree(store, found.tree_get_contents_checksum(), found.tree_get_metadata_checksum())


@contextlib.contextmanager
def shown(objects: Path, usr: LeanUsr) -> Iterator[None]:
    """For the body, and in this mount namespace only, let the commit's /usr be the lean one."""
    lean, whole = (objects / checksum[:2] / f"{checksum[2:]}.dirtree" for checksum in (usr.lean, usr.contents))
    mounts.bind(lean, whole)
    try:
        yield
    finally:
        mounts.unmount(whole)
