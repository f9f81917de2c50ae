# SPDX-License-Identifier: GPL-2.0-or-later
"""Composed trees of real packages for a server, with two versions of one of them, and an older database engine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests import cached, sysroots
from tests.lab import convert, debian, host, world
from tests.lab.convert import Fixup
from tests.lab.debian import Deb
from tests.lab.host import COMPOSES
from tests.sysroots import ostree
from tests.toys import CACHE

MINIMAL, SERVER = (f"world/12/x86_64/{kind}" for kind in ("minimal", "server"))
# What the newer tree has besides.
NEWER = "tree"
# A database engine, of which there is also an older version.
ENGINE, OLDER = ("redis-server", "redis-tools"), "5:7.0.11-1"
# What `dnf tree` needs on a host.
YAML = ("python3-yaml", "libyaml-0-2")


def composed() -> Path:
    """A folder with `repo`, which has each tree as VERSION/REF, and `rpms`, the older engine and PyYAML; cached."""
    rpms, descriptions = world.repository(), [Path(__file__), *sorted(COMPOSES.glob("world*"))]
    description = b"".join(path.read_bytes() for path in descriptions) + rpms.parent.name.encode()
    return cached.folder("server", description, lambda work, made: _fill(work, made, rpms))


def _fill(work: Path, made: Path, rpms: Path) -> None:
    store = made / "repo"
    ostree("init", f"--repo={store}", "--mode=bare")
    ostree("pull-local", f"--repo={store}", os.fspath(host.base_repo()), MINIMAL)
    shutil.copytree(COMPOSES, work / "newer")
    newer = work / "newer/world-minimal.yaml"
    newer.write_text(newer.read_text().replace("\npackages:\n", f"\npackages:\n  - {NEWER}\n"))
    _keep(store, "1", MINIMAL)
    for version, ref, treefile in (("1", SERVER, COMPOSES / "world-server.yaml"), ("2", MINIMAL, newer)):
        sysroots.compose_into(store, work, rpms, treefile, f"--repofrompath=world,file://{rpms}")
        _keep(store, version, ref)
    _convert(work, made / "rpms")


def _keep(store: Path, version: str, ref: str) -> None:
    ostree("refs", f"--repo={store}", f"--create={version}/{ref}", ref)


def _convert(work: Path, repo: Path) -> None:
    debs = [deb for deb in debian.Archive().closure([*ENGINE, *YAML]) if deb.name in (*ENGINE, *YAML)]
    debian.download(debs, CACHE / "debs")
    (work / "rpms").mkdir()
    for deb in debs:
        source = CACHE / "debs" / deb.file_name
        made = _older(deb) if deb.name in ENGINE else deb
        convert.convert(made, source, work / "rpms", convert.with_scripts(made, source, Fixup()), world.STANDARD)
    subprocess.run(["createrepo_c", "-q", os.fspath(work / "rpms")], check=True)
    (work / "rpms").rename(repo)


def _older(deb: Deb) -> Deb:
    depends = [[r._replace(version=OLDER) if r.name in ENGINE else r for r in some] for some in deb.depends]
    return deb._replace(version=OLDER, depends=depends)
