# SPDX-License-Identifier: GPL-2.0-or-later
"""Composed trees of real packages for a server, with two versions of one of them, and an older database engine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests import cached, sysroots
from tests.lab import convert, debian, host, world
from tests.lab.host import COMPOSES
from tests.sysroots import ostree
from tests.toys import CACHE

MINIMAL, SERVER = (f"world/12/x86_64/{kind}" for kind in ("minimal", "server"))
# What the newer tree has besides.
NEWER = "tree"
# A database engine, of which there is also an older version.
ENGINE, OLDER = ("redis-server", "redis-tools"), "5:7.0.11-1"


def composed() -> Path:
    """A folder with `repo`, which has each tree as VERSION/REF, and `rpms`, the older engine; cached."""
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
    _convert_engine(made)


def _keep(store: Path, version: str, ref: str) -> None:
    ostree("refs", f"--repo={store}", f"--create={version}/{ref}", ref)


def _convert_engine(made: Path) -> None:
    debs, repo = debian.Archive().closure(ENGINE), made / "rpms"
    repo.mkdir()
    for deb in debs:
        if deb.name in ENGINE:
            depends = [[r._replace(version=OLDER) if r.name in ENGINE else r for r in some] for some in deb.depends]
            older, source = deb._replace(version=OLDER, depends=depends), CACHE / "debs" / deb.file_name
            fixup = convert.with_scripts(older, source, convert.Fixup())
            convert.convert(older, source, repo, fixup, world.STANDARD)
    subprocess.run(["createrepo_c", "-q", os.fspath(repo)], check=True)
