# SPDX-License-Identifier: GPL-2.0-or-later
"""The initramfs of a tree: what it was made of, whether that has changed, and how it is made anew."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from ostree_layer import process
from ostree_layer.errors import CommandError, CommitError
from ostree_layer.upper import Changes

MODULES = "usr/lib/modules"
IMAGE = "initramfs.img"
# Beside the image: its size, then the paths of the tree that are in it, a line each.
INPUTS = "initramfs.inputs"
DEFAULT_ARGUMENTS = ("--no-hostonly",)
# The kernel has the device nodes by itself, and labels mean nothing before the tree's policy is loaded.
ENVIRONMENT = {"DRACUT_NO_MKNOD": "1", "DRACUT_NO_XATTR": "1"}
# dracut looks at all that is there, so what is new counts too.
TAKEN_WHOLE = ("usr/lib/dracut", "usr/etc/dracut.conf", "usr/etc/dracut.conf.d", "usr/lib/modprobe.d")
# An initramfs has its own of these, and transactions change the tree's for reasons that do not concern it.
NOT_INPUTS = re.compile(
    r"usr/etc/(ld\.so\.cache|machine-id|hostname|fstab|g?shadow-?|passwd-?|group-?)"
    r"|usr/(lib/sysimage|share/rpm)/.*"
    rf"|{MODULES}/[^/]+/(modules\.[^/]+|initramfs\.[^/]+)"
)
MODULE = re.compile(r".*/([^/]+)\.ko(\.[a-z0-9]+)?")
# A line of `cpio --list --verbose`: mode, links, owner, size, date, path.
LISTED = re.compile(r"[-dlbcps]\S{9} .*? [A-Z][a-z]{2} [ \d]\d +[\d:]{4,5} (.+?)( -> .*)?")
STARTER = "ostree-prepare-root"
# Where dracut puts together what the image is made of.
WORK = "var/tmp/initramfs"


def is_outdated(root: Path, kver: str, changes: Changes) -> bool:
    """Whether root's kernel is a new one, or what its initramfs was made of has changed.

    A tree that cannot make an initramfs keeps, beside the same kernel, the one that it was composed with.
    """
    folder = f"{MODULES}/{kver}"
    if changes.below(f"{folder}/vmlinuz"):
        return True
    if not (root / folder / IMAGE).exists() or not _has_dracut(root):
        return False
    if changes.below(f"{folder}/{IMAGE}", *TAKEN_WHOLE):
        return True
    modules = _module_names(changes.below(MODULES))
    # What is new in the tree cannot be in the image already: most transactions are told apart by that alone.
    candidates = {path for path in changes.replaced if not NOT_INPUTS.fullmatch(path)}
    if not modules and not candidates:
        return False
    inputs = _read_inputs(root, kver)
    return not inputs.isdisjoint(candidates) or not _module_names(inputs).isdisjoint(modules)


def _module_names(paths: Iterable[str]) -> set[str]:
    """The kernel's names of modules: one in extra/ is loaded in the place of one of the same name in kernel/."""
    return {found[1].replace("-", "_") for found in map(MODULE.fullmatch, paths) if found}


def _has_dracut(root: Path) -> bool:
    return any((root / folder / "dracut").exists() for folder in ("usr/bin", "usr/sbin"))


def make(root: Path, kver: str, arguments: Sequence[str]) -> None:
    """Let root's own dracut make the initramfs, with OSTree's part in it; `arguments` come from the tree's composer."""
    if not _has_dracut(root):
        raise CommitError(
            f"the kernel {kver} needs an initramfs, and the tree has no dracut to make it",
            hint="install dracut too, or leave the kernel out",
        )
    image = f"/{MODULES}/{kver}/{IMAGE}"
    fixed = ["--reproducible", "--add", "ostree", "--keep", "--tmpdir", f"/{WORK}", "--kver", kver, image]
    (root / WORK).mkdir(parents=True)
    try:
        process.run(
            ["dracut", "--quiet", "--force", *(arguments or DEFAULT_ARGUMENTS), *fixed], root=root, extra=ENVIRONMENT
        )
    except CommandError as e:
        raise CommitError(f"the initramfs of {kver} cannot be made: {e}") from e
    paths = _write_inputs(root, kver, _laid_out(root / WORK) or _list(root, image))
    shutil.rmtree(root / WORK)
    if not any(path.endswith(f"/{STARTER}") for path in paths):
        raise CommitError(
            f"the initramfs of {kver} has no {STARTER}, so the host would not boot",
            hint="install the package that has dracut's ostree module, such as ostree or ostree-boot",
        )


def _laid_out(work: Path) -> list[str]:
    """The paths in what dracut made the image of, which is sooner read than the image."""
    for folder in work.glob("dracut.*/initramfs"):
        found = (os.path.join(at, name) for at, names, files in os.walk(folder) for name in (*names, *files))
        return [os.path.relpath(path, folder) for path in found]
    return []


def _read_inputs(root: Path, kver: str) -> frozenset[str]:
    """The paths of the tree that are in the image; found out now if whoever made it did not write them down."""
    kept, image = root / MODULES / kver / INPUTS, root / MODULES / kver / IMAGE
    size, *paths = kept.read_text().splitlines() if kept.exists() else [""]
    if size == str(image.stat().st_size):
        return frozenset(paths)
    return _write_inputs(root, kver, _list(root, f"/{MODULES}/{kver}/{IMAGE}"))


def _write_inputs(root: Path, kver: str, listed: Iterable[str]) -> frozenset[str]:
    folder = root / MODULES / kver
    inside = (_in_tree(root, path) for path in listed)
    paths = frozenset(path for path in inside if not NOT_INPUTS.fullmatch(path))
    lines = [str((folder / IMAGE).stat().st_size), *sorted(paths)]
    (folder / INPUTS).write_text("".join(f"{line}\n" for line in lines))
    return paths


def _list(root: Path, image: str) -> list[str]:
    try:
        listing = process.run(["lsinitrd", image], root=root)
    except CommandError as e:
        raise CommitError(f"{image} cannot be read: {e}") from e
    return [found[1] for found in map(LISTED.fullmatch, listing.splitlines()) if found]


def _in_tree(root: Path, path: str) -> str:
    """Where the tree has what is at path in the initramfs, by no link of the tree's own."""
    folder, name = os.path.split(path)
    found = os.path.relpath(os.path.join(os.path.realpath(root / folder), name), os.path.realpath(root))
    return f"usr/{found}" if found.startswith("etc/") else found
