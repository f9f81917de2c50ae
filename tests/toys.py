# SPDX-License-Identifier: GPL-2.0-or-later
"""Toy packages, made by the real rpmbuild: a line or two each in a test."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests import rpmbuild

CACHE = Path(os.environ.get("OSTREE_LAYER_CACHE", "/var/cache/ostree-layer-lab"))
# Python modules that the distribution has no package of.
MODULES = CACHE / "modules"


@dataclasses.dataclass(frozen=True)
class Toy:
    """A package: `files` maps a path to its text, or to `-> TARGET` for a link; a path that ends in / is a folder.

    `attributes` maps a path to the inside of %attr(…) or to a whole directive; `scripts` is spec text as it is.
    """

    name: str
    version: str = "1"
    files: Mapping[str, str | bytes] = dataclasses.field(default_factory=dict)
    requires: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    scripts: str = ""
    attributes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    extra: str = ""

    @property
    def nevra(self) -> str:
        return f"{self.name}-{self.version}-1.noarch"

    def spec(self) -> str:
        head = [
            f"Name: {self.name}",
            f"Version: {self.version}",
            "Release: 1",
            f"Summary: {self.name}",
            "License: none",
        ]
        head += ["BuildArch: noarch", "AutoReqProv: no"]
        head += [f"Requires: {word}" for word in self.requires] + [f"Provides: {word}" for word in self.provides]
        head += [self.extra, "%description", "A toy.", self.scripts, "%files"]
        return "\n".join(head + [self._entry(path) for path in self.files]) + "\n"

    def _entry(self, path: str) -> str:
        directory = "%dir " if path.endswith("/") else ""
        attributes = self.attributes.get(path, "")
        if attributes and not attributes.startswith("%"):
            attributes = f"%attr({attributes})"
        # rpm reads these names as patterns: what would mean something else in one matches any character instead.
        quoted = re.sub(r'[\[\]*{}\\"]', "?", path.rstrip("/")).replace("%", "%%")
        return f'{attributes} {directory}"{quoted}"'

    def fill(self, root: Path) -> None:
        for path, content in self.files.items():
            target = root / path.strip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.endswith("/"):
                target.mkdir(exist_ok=True)
            elif isinstance(content, bytes):
                target.write_bytes(content)
            elif content.startswith("-> "):
                target.symlink_to(content[3:])
            else:
                target.write_text(content)

    def key(self) -> str:
        return hashlib.sha256(repr((self.spec(), sorted(self.files.items()))).encode()).hexdigest()[:24]


LIB = Toy("lib", files={"/usr/lib/lib": "1\n"})
APP = Toy("app", files={"/usr/bin/app": "1\n", "/etc/app.conf": "a=1\n"}, requires=("lib",))


def build(toy: Toy) -> Path:
    """Build the package, or find it in the cache."""
    kept = CACHE / "toys" / toy.key() / f"{toy.nevra}.rpm"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="toys-") as work:
            root = Path(work, "root")
            root.mkdir()
            toy.fill(root)
            made = rpmbuild.build(Path(work), toy.spec(), root, payload="w1.gzdio")
            shutil.copyfile(made, kept.with_suffix(".new"))
            os.replace(kept.with_suffix(".new"), kept)
    return kept


def repository(folder: Path, toys: Iterable[Toy]) -> Path:
    """Make, or make anew, an RPM repository of toys."""
    folder.mkdir(exist_ok=True)
    for toy in toys:
        shutil.copyfile(build(toy), folder / f"{toy.nevra}.rpm")
    index(folder)
    return folder


def index(folder: Path, comps: Path | None = None) -> None:
    """Write the repository's metadata, with comps groups if there are any."""
    groups = ["--groupfile", os.fspath(comps)] if comps else []
    subprocess.run(["createrepo_c", "-q", "--general-compress-type=gz", *groups, os.fspath(folder)], check=True)
