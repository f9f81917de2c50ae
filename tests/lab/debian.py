# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian packages: which are needed, what they say of themselves, and their .deb files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

# Debian's own packaging tools: what uses them is its maintainer scripts, for which the lab has a package debian-tools.
TOOLS = frozenset(
    "perl debugedit debconf debconf-2.0 cdebconf dpkg install-info usrmerge linux-base ucf adduser distro-info-data"
    " python3-distutils python3-unbound deltarpm".split()
)
# Replaced by the package `filesystem` that the lab makes.
REPLACED = frozenset({"base-files", "base-passwd"})


class Relation(NamedTuple):
    """`name op version`; op is Debian's, empty where any version will do."""

    name: str
    op: str
    version: str


class Deb(NamedTuple):
    name: str
    version: str
    architecture: str
    summary: str
    size: int
    depends: list[list[Relation]]
    conflicts: list[Relation]
    provides: list[Relation]

    @property
    def file_name(self) -> str:
        return f"{self.name}_{self.version.replace(':', '%3a')}_{self.architecture}.deb"


class Archive:
    """What apt knows."""

    def __init__(self) -> None:
        import apt_pkg  # noqa: PLC0415 - Debian has it, and other machines that import this module have not

        apt_pkg.init()
        self._cache = apt_pkg.Cache(None)
        self._candidates = apt_pkg.DepCache(self._cache)
        self._records = apt_pkg.PackageRecords(self._cache)
        # A look into the records takes milliseconds.
        self._debs: dict[str, Deb] = {}

    def closure(self, wanted: Iterable[str]) -> list[Deb]:
        """The wanted packages and what they need; of alternatives the first, unless another one is already in."""
        queue = list(dict.fromkeys(wanted))
        chosen = set(queue)
        found = []
        while queue:
            name = queue.pop(0)
            deb = self._debs[name] = self._debs.get(name) or self._deb(name)
            found.append(deb)
            for alternatives in deb.depends:
                names = [name for relation in alternatives for name in self._providers(relation.name)]
                if chosen.isdisjoint(names):
                    assert names, f"{deb.name} needs {alternatives}, which nothing provides"
                    chosen.add(names[0])
                    queue.append(names[0])
        return [deb for deb in found if deb.name not in REPLACED]

    def _providers(self, name: str) -> list[str]:
        package = self._cache[name]
        real = [name] if self._candidates.get_candidate_ver(package) else []
        return real + [version.parent_pkg.name for _name, _version, version in package.provides_list]

    def _deb(self, name: str) -> Deb:
        assert name in self._cache, f"no such Debian package: {name}"
        version = self._candidates.get_candidate_ver(self._cache[name])
        assert version, f"no such Debian package: {name}"
        self._records.lookup(version.file_list[0])
        needs = [*_groups(version, "PreDepends"), *_groups(version, "Depends")] if name not in REPLACED else []
        conflicts = [*_groups(version, "Conflicts"), *_groups(version, "Breaks")]
        return Deb(
            name,
            version.ver_str,
            version.arch,
            self._records.short_desc,
            version.size,
            [group for group in needs if TOOLS.isdisjoint(relation.name for relation in group)],
            [relation for (relation,) in conflicts if relation.name != name],
            # apt has names of its own for kernels: `$kernel`.
            [Relation(o, "=" if n else "", n or "") for o, n, _version in version.provides_list if o[0].isalnum()],
        )


def _groups(version: Any, kind: str) -> list[list[Relation]]:
    groups = version.depends_list.get(kind, [])
    return [
        [Relation(d.target_pkg.name.partition(":")[0], d.comp_type_deb, d.target_ver or "") for d in group]
        for group in groups
    ]


def download(debs: Iterable[Deb], folder: Path) -> None:
    """Fetch the .deb files that are not yet in folder."""
    missing = [f"{deb.name}={deb.version}" for deb in debs if not (folder / deb.file_name).exists()]
    if missing:
        argv = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *missing]
        subprocess.run(argv, cwd=os.fspath(folder), check=True, stdout=subprocess.DEVNULL)
