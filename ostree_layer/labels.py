# SPDX-License-Identifier: GPL-2.0-or-later
"""SELinux labels: what a tree's own policy says about its paths."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ostree_layer import contexts, ownership
from ostree_layer.contexts import Change
from ostree_layer.errors import CommitError
from ostree_layer.ostree_gi import OSTree, gfile, translated

LABEL = "security.selinux"
SELINUX = "usr/etc/selinux"


class Labels:
    """The labels that a policy gives; without a policy, nothing has a label.

    `change` says what is new in the policy, in comparison with that by which the tree's base was labelled.
    """

    def __init__(self, policy: OSTree.SePolicy | None = None, change: Change | None = None) -> None:
        self._policy, self._change = policy, change

    @property
    def is_new(self) -> bool:
        """Whether something of the base may have another label now."""
        return self._change is not None

    def may_differ(self, path: str) -> bool:
        """Whether the label of path may be another one than in the base."""
        return self._change is not None and self._change.concerns(os.fsencode(booted_path(path)))

    def wanted(self, path: str, mode: int) -> bytes:
        """The label, as the value of the extended attribute, of what a tree has at path; empty where it has none."""
        if self._policy is None:
            return b""
        # On a host, not every name is UTF-8.
        path = os.fsencode(booted_path(path)).decode(errors="replace")
        with translated(f"asking the tree's SELinux policy for the label of {path}", CommitError):
            label = self._policy.get_label(path, mode, None)[1]
        return label.encode() + b"\0" if label else b""

    def dress(self, file: str, path: str) -> bool:
        """Give a file, link or directory that is to be at path in the tree the label it must have there.

        False where it has one and must have none: where SELinux is on, nobody can take a label off.
        """
        status = os.lstat(file)
        wanted = self.wanted(path, status.st_mode)
        if wanted == read(file):
            return True
        if not wanted:
            return False
        if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
            _separate(file)
        _write(file, path, wanted)
        return True

    def complete(self, folder: Path, path: str) -> None:
        """Label what has no label in a folder that is at path on the host.

        A folder that has a label itself is taken to be labelled; it is therefore the last that gets one.
        """
        if self._policy is None or read(os.fspath(folder)):
            return
        for entry in [*folder.rglob("*"), folder]:
            file = os.fspath(entry)
            at = path + file[len(os.fspath(folder)) :]
            if not read(file) and (wanted := self.wanted(at, os.lstat(file).st_mode)):
                _write(file, at, wanted)


def load(root: Path, lower: Path) -> Labels:
    """The labels of the tree at root, which was made from the one at lower."""
    return Labels(load_policy(root), contexts.find_change(lower / SELINUX, root / SELINUX))


def load_policy(root: Path) -> OSTree.SePolicy | None:
    """The SELinux policy of the tree at root; None where it has none, or one that is switched off."""
    if not (root / SELINUX / "config").exists():
        return None
    with translated("reading the tree's SELinux policy", CommitError):
        policy = OSTree.SePolicy.new(gfile(root), None)
    return policy if policy.get_name() is not None else None


def booted_path(path: str) -> str:
    """Where what a tree has at path is on the host that it runs on: its /usr/etc becomes the host's /etc."""
    return path[len("/usr") :] if f"{path}/".startswith("/usr/etc/") else path


def read(file: str) -> bytes:
    """The label that a file, link or directory has; empty where it has none."""
    names = os.listxattr(file, follow_symlinks=False)
    return os.getxattr(file, LABEL, follow_symlinks=False) if LABEL in names else b""


def _write(file: str, path: str, label: bytes) -> None:
    try:
        os.setxattr(file, LABEL, label, follow_symlinks=False)
    except OSError as e:
        raise CommitError(f"{path} cannot be labelled {label[:-1].decode()}: {e.strerror}") from e


def _separate(file: str) -> None:
    """Make one name of a hard-linked file a file of its own: the policy may have another label for each name.

    Names that get the same label become the same object again.
    """
    copy = os.path.join(os.path.dirname(file), ".ostree-layer-label")
    ownership.copy(file, copy)
    os.replace(copy, file)
