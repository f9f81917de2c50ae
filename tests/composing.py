# SPDX-License-Identifier: GPL-2.0-or-later
"""A place to compose trees of toys in: packages, treefiles, and repositories of trees."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ostree_layer import repo
from ostree_layer.ostree_gi import GLib
from tests import guard, toys
from tests.sysroots import BASE, ostree
from tests.toys import Toy

REF = "toy/tree"
Keys = Mapping[str, Any]
# An advisory about lib.
UPDATES = """<updates><update from="toys" status="final" type="security" version="1">
<id>TOY-1</id><title>t</title><severity>Important</severity><issued date="2026-01-01 00:00:00"/>
<references><reference href="https://example.com/1" id="CVE-1" type="cve" title="c"/></references>
<pkglist><collection><package name="lib" version="1" release="1" epoch="0" arch="noarch" src="lib.src.rpm">
<filename>lib-1-1.noarch.rpm</filename></package></collection></pkglist></update></updates>
"""
# A stream of a module, which is version 1 or 2 of app.
MODULES = """---
document: modulemd
version: 2
data:
  name: toymod
  stream: "{stream}"
  version: {stream}
  context: c0ffee
  arch: x86_64
  summary: toys
  description: toys
  license: {{module: [none]}}
  profiles: {{common: {{rpms: [app]}}}}
  artifacts: {{rpms: ["app-0:{version}-1.noarch"]}}
...
"""


def server(name: str) -> Toy:
    """A package with a user of its own, who has a file."""
    add = f"%pre\nadd-user {name} {name} / /bin/sh\n"
    file = f"/usr/share/{name}"
    return Toy(name, files={file: ""}, attributes={file: f"0640,root,{name}"}, scripts=add)


def describe(repository: Path, work: Path, kind: str, text: str) -> None:
    """Add a file of metadata to a repository of packages."""
    file = work / f"{kind}.yaml" if kind == "modules" else work / f"{kind}.xml"
    file.write_text(text)
    subprocess.run(["modifyrepo_c", f"--mdtype={kind}", file, repository / "repodata"], check=True, capture_output=True)


class Bench:
    """A folder with a repository of packages, one of trees, and treefiles."""

    def __init__(self, folder: Path, rpms: Path | None = None) -> None:
        self.folder, self.rpms, self.trees = folder, rpms or folder / "rpms", folder / "trees"
        self.repo = folder / "repo"
        self.trees.mkdir(parents=True)
        ostree("init", f"--repo={self.repo}", "--mode=bare")
        if rpms is None:
            self.offer()

    def offer(self, *offered: Toy) -> None:
        """Add packages to the repository; what dnf remembers of it may be of this same second, so it forgets it."""
        toys.repository(self.rpms, [BASE, *offered])
        self.forget()

    def forget(self) -> None:
        shutil.rmtree(self.folder / "cache", ignore_errors=True)

    def describe(self, kind: str, text: str) -> None:
        """Add a file of metadata to the repository of packages."""
        describe(self.rpms, self.folder, kind, text)
        self.forget()

    def file(self, name: str, text: str, *, is_program: bool = False) -> Path:
        """Write a file beside the treefiles."""
        path = self.trees / name
        path.write_text(text)
        path.chmod(0o755 if is_program else 0o644)
        return path

    def treefile(self, keys: Keys, name: str = "tree") -> Path:
        """Write a treefile of a tree that begins with toy-base."""
        packages = ["toy-base", *keys.get("packages", [])]
        whole = {"ref": REF, "no-initramfs": True, "recommends": False, "releasever": 1, **keys, "packages": packages}
        return self.file(f"{name}.json", json.dumps(whole))

    def run(
        self, *arguments: str, extra: Mapping[str, str] | None = None, with_toys: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run `dnf tree`."""
        argv = guard.dnf_argv(self.folder, self.rpms if with_toys else None, "tree", *arguments)
        return guard.run(self.folder, argv, extra)

    def compose(self, treefile: Path | Keys, *options: str, extra: Mapping[str, str] | None = None) -> str:
        """Compose a tree, and return its commit's checksum."""
        done = self.attempt(treefile, *options, extra=extra)
        assert done.returncode == 0, done.stdout
        return ostree("rev-parse", f"--repo={self.repo}", REF).strip()

    def attempt(
        self, treefile: Path | Keys, *options: str, extra: Mapping[str, str] | None = None, with_toys: bool = True
    ) -> subprocess.CompletedProcess[str]:
        path = treefile if isinstance(treefile, Path) else self.treefile(treefile)
        argv = ["compose", os.fspath(path), f"--repo={self.repo}", f"--workdir={self.folder}/workshop", *options]
        return self.run(*argv, extra=extra, with_toys=with_toys)

    def refusal(self, treefile: Path | Keys, *options: str) -> str:
        """What a compose that is refused says."""
        done = self.attempt(treefile, *options)
        assert done.returncode == 1, done.stdout
        return done.stdout

    def cat(self, path: str, ref: str = REF) -> str:
        return ostree("cat", f"--repo={self.repo}", ref, path)

    def ls(self, path: str, ref: str = REF) -> list[str]:
        """Lines of mode, owner, group, size and path, the directory itself first."""
        return ostree("ls", f"--repo={self.repo}", ref, path).splitlines()

    def has(self, path: str, ref: str = REF) -> bool:
        argv = ["ostree", "ls", f"--repo={self.repo}", ref, path]
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0

    def commit(self, rev: str = REF) -> GLib.Variant:
        store = repo.open_repo(self.repo)
        return repo.load_commit(store, str(store.resolve_rev(rev, False)[1]))

    def metadata(self, rev: str = REF) -> dict[str, GLib.Variant]:
        return repo.metadata(self.commit(rev))

    def content(self, rev: str = REF) -> str:
        return repo.content_of(self.commit(rev))

    def packages(self, rev: str = REF) -> set[str]:
        """The names of what is in the tree beside toy-base."""
        return {row[0] for row in self.metadata(rev)["rpmostree.rpmdb.pkglist"].unpack()} - {BASE.name}
