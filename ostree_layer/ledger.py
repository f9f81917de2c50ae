# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run does to the packages, kept while it goes on, for its commit to tell."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ostree_layer import checkout, dnf_base, local_rpms, metadata, repo, requests
from ostree_layer.by_hand_model import ByHand
from ostree_layer.model import Advisory, Destination, LocalCommit, Outcome, Package, Requests, Transaction
from ostree_layer.ostree_gi import OSTree


@dataclasses.dataclass(frozen=True)
class Ledger:
    """The steps of a run with the advisories about what they brought.

    `groups` and `modules` are those that there were before the first.
    """

    groups: frozenset[str]
    modules: frozenset[str]
    steps: list[dnf_base.Step] = dataclasses.field(default_factory=list)
    advisories: list[Advisory] = dataclasses.field(default_factory=list)

    @classmethod
    def begin(cls, base: Any, root: Path) -> Ledger:
        return cls(frozenset(dnf_base.installed_groups(base)), frozenset(dnf_base.enabled_modules(root)))

    @property
    def installed(self) -> list[Package]:
        return [package for step in self.steps for package in step.installed]

    @property
    def removed(self) -> list[Package]:
        return [package for step in self.steps for package in step.removed]

    def applied_to(self, packages: Iterable[Package]) -> set[Package]:
        """The packages after all steps."""
        now = set(packages)
        for step in self.steps:
            now = (now - set(step.removed)) | set(step.installed)
        return now


@dataclasses.dataclass(frozen=True)
class Lineage:
    """Where a tree comes from: the host's last one and the base commit, which may be that one, or another one now.

    `packages` are those of the commit that the run stands on.
    """

    previous: str
    base: str
    base_refspec: str
    requests: Requests
    packages: tuple[Package, ...]
    base_packages: tuple[Package, ...]
    former_packages: tuple[Package, ...]
    former_base_packages: tuple[Package, ...]


def read_lineage(store: OSTree.Repo, checksum: str, refspec: str, destination: Destination | None = None) -> Lineage:
    """That of a run on a commit, whose own base is of refspec; or, if there is a destination, on that."""
    values = read_local(store, checksum)
    packages = checkout.require_packages(store, checksum)
    base_packages = checkout.require_packages(store, values.base) if values else packages
    base, base_refspec = (values.base, values.base_refspec) if values else (checksum, refspec)
    wanted = values.requests if values else Requests()
    former = (packages, base_packages)
    if destination is not None:
        there = read_local(store, destination.checksum)
        base, base_refspec = (there.base if there else destination.checksum), destination.refspec
        packages, base_packages = (
            checkout.require_packages(store, destination.checksum),
            checkout.require_packages(store, base),
        )
    return Lineage(checksum, base, base_refspec, wanted, packages, base_packages, *former)


def is_local(store: OSTree.Repo, checksum: str) -> bool:
    """Whether the commit was made on a host by us."""
    return read_local(store, checksum) is not None


def read_base(store: OSTree.Repo, checksum: str) -> str:
    """The base commit of a commit, which may be that itself."""
    local = read_local(store, checksum)
    return local.base if local else checksum


def entries_of(store: OSTree.Repo, checksum: str) -> tuple[str, ...]:
    """What was asked for that the commit has."""
    local = read_local(store, checksum)
    return requests.entries(local.requests) if local else ()


def read_local(store: OSTree.Repo, checksum: str) -> LocalCommit | None:
    """What we recorded of the commit, or None where it is not one of ours."""
    return metadata.parse_local(repo.metadata(repo.load_commit(store, checksum)))


def read_by_hand(store: OSTree.Repo, checksum: str) -> ByHand:
    """What the commit has by hand."""
    return metadata.parse_by_hand(repo.metadata(repo.load_commit(store, checksum)))


def close(
    ledger: Ledger, base: Any, root: Path, lineage: Lineage, made_by: Transaction, outcome: Outcome | None = None
) -> tuple[LocalCommit, set[Package]]:
    """Put the run into the words of a commit's metadata: what made it, what is in it, and what the user wants.

    `outcome` is what became of requests that were asked for again.
    """
    former = lineage.requests if outcome is None else requests.after(lineage.requests, outcome)
    now = ledger.applied_to(lineage.packages)
    in_base = {package.name_arch for package in lineage.base_packages}
    asked = dnf_base.user_installed(base, [package for package in now if package.name_arch not in in_base])
    files = {package.nevra: dnf_base.sha256(path) for step in ledger.steps for package, path in step.local_files}
    wanted = dataclasses.replace(
        requests.of_tree(lineage.base_packages, now, asked, former, files),
        groups=requests.carried(former.groups, ledger.groups, dnf_base.installed_groups(base)),
        modules=requests.carried(former.modules, ledger.modules, dnf_base.enabled_modules(root)),
    )
    done = dataclasses.replace(
        made_by,
        installed=tuple(sorted(package.nevra for package in now - set(lineage.former_packages))),
        removed=tuple(sorted(package.nevra for package in set(lineage.former_packages) - now)),
    )
    wanted = requests.still_waiting(former, wanted, {name for p in now for name in (p.name, p.name_arch)})
    return LocalCommit(lineage.base, lineage.base_refspec, lineage.previous, wanted, done), now


def keep_files(ledger: Ledger, work_folder: Path) -> None:
    """Keep the RPM files that no repository has, by their sha256, where a replay of the requests finds them."""
    for _package, path in (entry for step in ledger.steps for entry in step.local_files):
        kept = local_rpms.kept_file(work_folder, dnf_base.sha256(path))
        kept.parent.mkdir(mode=0o700, exist_ok=True)
        if not kept.exists():
            shutil.copyfile(path, kept.with_suffix(".new"))
            os.replace(kept.with_suffix(".new"), kept)
