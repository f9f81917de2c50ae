# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel of a tree: exactly one, with an index of its modules and an initramfs that fit it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ostree_layer import process, rpmdb
from ostree_layer.errors import CommitError
from ostree_layer.layout import initramfs
from ostree_layer.layout.initramfs import MODULES
from ostree_layer.report import Report
from ostree_layer.upper import Changes

# Enters a context for as long as what it names takes.

# Every kernel package has it, and nothing else makes it.
BUILTIN = "modules.builtin"
# A path that is gone with a kernel, if all of it is gone.
KERNEL = re.compile(rf"{MODULES}(/[^/]+(/(vmlinuz|{BUILTIN}))?)?")
# Where packages' files for /boot are in the tree.
KEPT_BOOT = "usr/lib/ostree-boot"
SWAP = "'dnf swap OLD NEW' replaces one package by another"
IN_BOOT = re.compile(r"(vmlinuz|initramfs)-.*-[0-9a-f]{64}")
DEPMOD_FOLDERS = ("usr/lib/depmod.d", "usr/etc/depmod.d")


class Wishes(NamedTuple):
    """What whoever composes a tree wants: arguments for dracut, an initramfs at all, and both in /usr/lib/ostree-boot.

    A tree that has them there keeps having them.
    """

    arguments: Sequence[str] = ()
    has_initramfs: bool = True
    is_in_boot: bool = False


def normalise(root: Path, changes: Changes, wishes: Wishes, report: Report) -> None:
    """Make what a transaction did to the kernel, its modules or its initramfs whole.

    A tree without a kernel stays one.
    """
    if changes.below(MODULES, KEPT_BOOT):
        moved = frozenset(_take_out_of_boot(root))
        changes = Changes(changes.added | moved, changes.replaced)
        _drop_leftovers(root, changes)
        _require_one(root, changes)
    kernels = _kernels(root)
    if len(kernels) != 1:
        return
    kver = kernels[0]
    if changes.below(f"{MODULES}/{kver}", *DEPMOD_FOLDERS):
        _index_modules(root, kver)
    if wishes.has_initramfs and initramfs.is_outdated(root, kver, changes):
        with report(f"Making the initramfs of {kver}"):
            initramfs.make(root, kver, wishes.arguments)
    if changes.below(f"{MODULES}/{kver}"):
        _copy_to_boot(root, kver, wanted=wishes.is_in_boot)


def _copy_to_boot(root: Path, kver: str, *, wanted: bool) -> None:
    """Have the kernel and its initramfs where the oldest libostree looks for them, with their digest in the names."""
    folder = root / KEPT_BOOT
    former = [path for path in folder.glob("*-*") if IN_BOOT.fullmatch(path.name)]
    for path in former:
        path.unlink()
    if not wanted and not former:
        return
    images = {f"vmlinuz-{kver}": "vmlinuz", f"initramfs-{kver}.img": initramfs.IMAGE}
    sources = {name: root / MODULES / kver / image for name, image in images.items()}
    present = {name: source for name, source in sources.items() if source.exists()}
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in present.values())).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in present.items():
        shutil.copyfile(source, folder / f"{name}-{digest}")


def _kernels(root: Path) -> list[str]:
    return sorted(path.parent.name for path in (root / MODULES).glob("*/vmlinuz"))


def _take_out_of_boot(root: Path) -> Iterator[str]:
    """Move what packages put into /boot for a kernel to its modules, and yield where."""
    kvers = sorted((path.name for path in (root / MODULES).glob("*")), key=len, reverse=True)
    of_kernel = re.compile(rf"(.+?)-({'|'.join(map(re.escape, kvers))})((?:\..+)?)")
    for source in sorted((root / "boot").glob("*")):
        found = of_kernel.fullmatch(source.name)
        if not kvers or not found or IN_BOOT.fullmatch(source.name):
            continue
        target = root / MODULES / found[2] / (found[1] + found[3])
        if target.name.startswith(("initramfs", "initrd")):
            source.unlink()  # made by a scriptlet, of what was there at that moment
            continue
        if target.is_dir():
            shutil.rmtree(target)
        shutil.move(source, target)
        yield os.fspath(target.relative_to(root))


def _drop_leftovers(root: Path, changes: Changes) -> None:
    """Take away directories of kernels whose packages have gone, and left what is made on a host and not packaged."""
    for folder in sorted((root / MODULES).glob("*")):
        if changes.below(f"{MODULES}/{folder.name}") and _is_leftover(root, folder, changes):
            shutil.rmtree(folder)


def _is_leftover(root: Path, folder: Path, changes: Changes) -> bool:
    if (folder / "vmlinuz").exists():
        # Taken out of /boot when it came, so that rpm did not find it when it went.
        return f"{MODULES}/{folder.name}/{BUILTIN}" in changes.replaced and not (folder / BUILTIN).exists()
    # Modules of packages may be for another kernel, and be linked to from the tree's: EL's weak-updates.
    return not rpmdb.owners(root, _names_of(root, (Path(at, f) for at, _, fs in os.walk(folder) for f in fs)))


def _names_of(root: Path, files: Iterable[Path]) -> list[str]:
    """The names by which packages may have files below /usr/lib."""
    names = [f"/{file.relative_to(root)}" for file in files]
    return [*names, *(name[len("/usr") :] for name in names)]


def _require_one(root: Path, changes: Changes) -> None:
    kernels = _kernels(root)
    if len(kernels) > 1:
        raise CommitError(
            f"the tree would have {len(kernels)} kernels, and needs exactly one: "
            + ", ".join(_with_owners(root, kver) for kver in kernels),
            hint=SWAP,
        )
    if not kernels and any(map(KERNEL.fullmatch, changes.replaced)):
        raise CommitError("the transaction removes the kernel, and the host would not boot without one", hint=SWAP)


def _with_owners(root: Path, kver: str) -> str:
    names = _names_of(root, [root / MODULES / kver / "vmlinuz"])
    owners = rpmdb.owners(root, [*names, f"/boot/vmlinuz-{kver}"])
    return f"{kver} ({' '.join(package.nevra for package in owners) or 'of no package'})"


def _index_modules(root: Path, kver: str) -> None:
    """Index the modules of the tree's kernel, if it has any; scriptlets may have done that for the running one."""
    if not any(initramfs.MODULE.fullmatch(os.fspath(path)) for path in (root / MODULES / kver).rglob("*.ko*")):
        return
    if not any((root / folder / "depmod").exists() for folder in ("usr/sbin", "usr/bin")):
        raise CommitError(
            f"the modules of the kernel {kver} have changed, and the tree has no depmod to index them",
            hint="install kmod first, or in the same transaction",
        )
    process.run(["depmod", "-a", kver], root=root)
