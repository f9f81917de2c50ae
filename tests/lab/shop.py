# SPDX-License-Identifier: GPL-2.0-or-later
"""Two operating systems for the shops of a chain, with a history: what promises about versions are tried on.

Of eight versions of the till, one came with a fault: `till-check` fails since a package of another name was upgraded.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from ostree_layer import repo
from ostree_layer.ostree_gi import GLib, OSTree, gfile
from tests import cached, guard, sysroots, toys
from tests.lab import host, world
from tests.lab.host import COMPOSES, SoftHost, Source
from tests.sysroots import ostree
from tests.toys import Toy

REMOTE = "trees"
INSIDE = Path("/run/media", REMOTE)
TILL, KIOSK = (f"shop/12/x86_64/{kind}" for kind in ("till", "kiosk"))
CHECK = """#!/bin/sh
read -r state < /usr/share/drawer/state
[ "$state" = closed ] && echo "The drawer is closed." && exit
echo "The drawer is $state!" >&2 && exit 1
"""


def till(version: str) -> Toy:
    """The program, and what admins edit; from 2 on there is a file more."""
    settings = {"prices": f"of {version}", "currency": f"of {version}", "greeting": f"of {version}"}
    settings.update(printer="epson", key="secret", **({} if version == "1" else {"discounts": "none"}))
    files = {f"/etc/till/{name}": f"{text}\n" for name, text in settings.items()}
    data = {"/usr/bin/till-check": CHECK, "/var/lib/till/ledger": "begun\n"}
    attributes = {**dict.fromkeys(files, "%config(noreplace)"), "/usr/bin/till-check": "0755,root,root"}
    return Toy("till", version, {**files, **data}, attributes=attributes, requires=("drawer",))


def drawer(version: str) -> Toy:
    return Toy("drawer", version, {"/usr/share/drawer/state": "closed\n" if version == "1" else "ajar\n"})


def menu(version: str) -> Toy:
    return Toy("menu", version, {"/usr/share/shop/menu": f"{version}\n"})


def receipts(version: str) -> Toy:
    return Toy("receipts", version, {"/usr/share/shop/receipts": f"{version}\n"})


SCREEN = Toy("screen", files={"/usr/share/shop/screen": "1\n", "/var/lib/screen/guests": "none yet\n"})
# What is new with each version of the till; it adds up. Version 4 has the fault.
CHANGES = (
    (till("1"), drawer("1"), menu("1"), receipts("1"), SCREEN),
    (till("2"),),
    (menu("2"),),
    (receipts("2"),),
    (drawer("2"),),
    (menu("3"),),
    (receipts("3"),),
    (till("3"),),
)
VERSIONS = ("12", *(f"12.{number}" for number in range(1, len(CHANGES))))
# The kiosk is composed when the till is at these.
KIOSKS = {"12.1": "12", "12.7": "12.1"}
HISTORIES = ([f"{version}/{TILL}" for version in VERSIONS], [f"{version}/{KIOSK}" for version in KIOSKS.values()])


def composed() -> Path:
    """A folder with `repo`, which has each version of each tree as VERSION/REF; cached."""
    rpms = world.repository()
    sources = [Path(__file__), *sorted(COMPOSES.glob("world*"))]
    description = b"".join(path.read_bytes() for path in sources) + rpms.parent.name.encode()
    return cached.folder("shop", description, lambda work, made: _fill(work, made / "repo", rpms))


def _fill(work: Path, store: Path, rpms: Path) -> None:
    ostree("init", f"--repo={store}", "--mode=bare")
    ostree("pull-local", f"--repo={store}", os.fspath(host.base_repo()), host.REF)
    shutil.copytree(COMPOSES, work / "composes")
    offered = work / "rpms"
    for version, changes in zip(VERSIONS, CHANGES):
        toys.repository(offered, changes)
        shutil.rmtree(work / "cache", ignore_errors=True)  # or dnf may remember the former of this second
        _compose(work, store, TILL, version, ["till", "menu", "receipts"])
        if version in KIOSKS:
            name = "sed -i s/World/Kiosk/ /usr/lib/os-release"
            _compose(work, store, KIOSK, KIOSKS[version], ["till", "screen"], postprocess=[f"#!/bin/sh\n{name}\n"])


def _compose(work: Path, store: Path, ref: str, version: str, packages: list[str], **more: list[str]) -> None:
    wanted = {"include": "world-minimal.yaml", "ref": ref, "repos": ["toys"], "packages": packages, **more}
    treefile = work / "composes" / f"{ref.rpartition('/')[2]}.json"
    treefile.write_text(json.dumps(wanted))
    sysroots.compose_into(store, work, work / "rpms", treefile, f"--repofrompath=world,file://{world.repository()}")
    ostree("refs", f"--repo={store}", f"--create={version}/{ref}", ref)


def served() -> Path:
    """A repository of all of them with this checkout in them; cached until either changes."""
    parts = ("dnf-plugins", "ostree_layer", "etc", "docs", "packaging")
    files = (path for part in parts for path in sorted(guard.CHECKOUT.joinpath(part).rglob("*")) if path.is_file())
    sources = b"".join(path.read_bytes() for path in (guard.CHECKOUT / "Makefile", *files) if path.suffix != ".pyc")
    return cached.folder("served-shop", composed().name.encode() + sources, _serve)


def _serve(_work: Path, made: Path) -> None:
    where = f"--repo={made}"
    ostree("init", where, "--mode=bare")
    ostree("pull-local", where, os.fspath(composed() / "repo"))
    for history in HISTORIES:
        host.install_into(made, *history)
        _chain(made, history)


def _chain(place: Path, names: Sequence[str]) -> None:
    """Let each of the commits be the parent of the next again."""
    store = OSTree.Repo.new(gfile(place))
    store.open(None)
    parent = None
    with repo.transaction(store):
        for name in names:
            checksum = store.resolve_rev(name, False)[1]
            commit, root = repo.load_commit(store, checksum), store.read_commit(checksum, None)[1]
            values, time = GLib.Variant("a{sv}", repo.metadata(commit)), repo.timestamp(commit)
            parent = store.write_commit_with_time(parent, None, None, values, root, time, None)[1]
            store.transaction_set_ref(None, name, parent)


class Shop:
    """A folder as hosts see it, with a repository of these trees."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._repo = folder, folder / "repo"
        self._where = f"--repo={self._repo}"
        # Links: libostree never writes into a file that is there.
        shutil.copytree(served(), self._repo, symlinks=True, copy_function=os.link)
        self.reset()

    def publish(self, version: str, ref: str) -> None:
        """Let the ref lead to a version of its tree."""
        ostree("refs", self._where, "--force", f"--create={ref}", f"{version}/{ref}")

    def commit(self, ref: str) -> str:
        return ostree("rev-parse", self._where, ref).strip()

    def reset(self) -> None:
        """Offer the first version of each tree."""
        for ref in (TILL, KIOSK):
            self.publish(VERSIONS[0], ref)

    def host(self, folder: Path) -> SoftHost:
        """A host that has booted the first version of the till, and follows it."""
        made = SoftHost(folder, self.folder)
        host.follow(made.sysroot, Source(REMOTE, f"file://{INSIDE}/repo", TILL, self._repo), self.commit(TILL))
        made.boot()
        return made
