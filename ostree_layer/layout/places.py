# SPDX-License-Identifier: GPL-2.0-or-later
"""Places outside /usr whose content a tree keeps in /usr: packages see it where they expect it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Callable, NamedTuple

from ostree_layer import account_files, rpmdb, tmpfiles
from ostree_layer.account_files import Accounts
from ostree_layer.layout.record import State, remember

CONF = "ostree-layer.conf"

Lines = Callable[[Path, "Place", Accounts], Iterator[str]]


class Place(NamedTuple):
    """`seen`: where packages look for it; `link`: what must lead there, if anything; `kept`: where it is in the tree.

    `lines` are for tmpfiles.d, and bring it to where it is seen when the tree is booted. A place that `is_copied` a
    package may have for its own, and remove; at the others a transaction sees the tree's folder itself.
    """

    seen: str
    link: str
    kept: str
    lines: Lines
    is_copied: bool = False


def _link_children(root: Path, place: Place, _accounts: Accounts) -> Iterator[str]:
    for name in sorted(os.listdir(root / place.kept)):
        yield _link(place, name)


def _link_files(root: Path, place: Place, accounts: Accounts) -> Iterator[str]:
    """Links to the files only: in the directories there are the files of the host's user too."""
    for folder, directories, files in os.walk(root / place.kept):
        directories.sort()
        below = os.path.relpath(folder, root / place.kept)
        linked = [name for name in directories if os.path.islink(os.path.join(folder, name))]
        for name in sorted(set(directories) - set(linked)):
            status = os.lstat(os.path.join(folder, name))
            user, group = accounts.name_of_user(status.st_uid), accounts.name_of_group(status.st_gid)
            path = os.path.normpath(f"/{place.seen}/{below}/{name}")
            yield tmpfiles.directory(path, status.st_mode & 0o7777, user, group)
        for name in sorted([*files, *linked]):
            yield _link(place, os.path.normpath(f"{below}/{name}"))


def _link(place: Place, name: str) -> str:
    path = f"{place.seen}/{name}"
    return tmpfiles.link(f"/{path}", os.path.relpath(f"/{place.kept}/{name}", os.path.dirname(f"/{path}")))


def _link_itself(root: Path, place: Place, _accounts: Accounts) -> Iterator[str]:
    if any((root / place.kept).glob("*/active")):
        yield tmpfiles.link(f"/{place.seen}", "../../etc/selinux/store")


def _nothing(_root: Path, _place: Place, _accounts: Accounts) -> Iterator[str]:
    return iter(())


PLACES = (
    Place("var/opt", "opt", "usr/lib/opt", _link_children),
    Place("var/usrlocal", "usr/local", "usr/lib/usrlocal", _link_files),
    # Which alternatives there are belongs to the tree; what the admin chose is in /etc, and may be in /var.
    Place("var/lib/alternatives", "", "usr/lib/alternatives", _link_children, is_copied=True),
    Place("var/lib/dpkg/alternatives", "", "usr/lib/sysimage/alternatives", _link_children, is_copied=True),
    Place("var/lib/selinux", "", "usr/etc/selinux/store", _link_itself),
    # libostree takes kernels from /usr/lib/modules; what else packages have for /boot is for boot loader tools.
    Place("boot", "", "usr/lib/ostree-boot", _nothing),
)


def of(root: Path) -> list[Place]:
    """The places that root's tree keeps: a tree may have /opt, say, as a directory of its own."""
    return [place for place in PLACES if not place.link or _leads_to(root / place.link, place.seen)]


def _leads_to(link: Path, seen: str) -> bool:
    return link.is_symlink() and os.readlink(link).lstrip("./") == seen


def show_copies(root: Path) -> None:
    """Put what is copied into root's /var, where a transaction may change it."""
    for place in of(root):
        if place.is_copied and (root / place.kept).is_dir():
            shutil.copytree(root / place.kept, root / place.seen, symlinks=True)


def take_copies(root: Path, before: State) -> None:
    """Put what was copied back into the tree, if it is not as it was `before`."""
    now = remember(root / "var")
    for place in of(root):
        if place.is_copied and _below(place.seen, now) != _below(place.seen, before):
            shutil.rmtree(root / place.kept, ignore_errors=True)
            if (root / place.seen).is_dir():
                shutil.copytree(root / place.seen, root / place.kept, symlinks=True)


def _below(folder: str, state: State) -> State:
    return {path: stamp for path, stamp in state.items() if path.startswith(f"{folder}/")}


def describe(root: Path) -> None:
    """Write into root's tree what makes the places look the same on the booted host, and forget empty ones."""
    _tidy(root)
    accounts, made = account_files.of_tree(root), tmpfiles.made_in(root, but=tmpfiles.OURS)
    lines = [line for place in of(root) if (root / place.kept).is_dir() for line in place.lines(root, place, accounts)]
    tmpfiles.write(root / tmpfiles.FOLDER / CONF, [line for line in lines if tmpfiles.path_of(line) not in made])


def _tidy(root: Path) -> None:
    """Take away directories that no package has and in which there is nothing."""
    for place in of(root):
        for folder, _directories, _files in os.walk(root / place.kept, topdown=False):
            below = os.path.relpath(folder, root / place.kept)
            if not os.listdir(folder) and not _is_packaged(root, place, below):
                os.rmdir(folder)
        above = (root / place.kept).parent
        if above.is_dir() and not any(above.iterdir()):
            above.rmdir()


def _is_packaged(root: Path, place: Place, below: str) -> bool:
    # What is kept in the tree's /etc, a package may also have there.
    names = (place.link or place.seen, place.kept.replace("usr/etc/", "etc/"))
    return below != "." and bool(rpmdb.owners(root, [f"/{name}/{below}" for name in names]))
