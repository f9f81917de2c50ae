# SPDX-License-Identifier: GPL-2.0-or-later
"""What a treefile wants, put to DNF: repositories, packages, groups, modules, and the transaction that they come to."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dnf.exceptions
import dnf.module.module_base
import dnf.rpm
import hawkey
import rpm

from ostree_layer import dnf_base, misfits
from ostree_layer.compose import repositories
from ostree_layer.compose.composed import Coming
from ostree_layer.compose.lockfile import Lock
from ostree_layer.errors import ComposeError
from ostree_layer.layout import rpm_home

# What a treefile decides, and not the machine.
DECIDED = ("reposdir", "install_weak_deps", "tsflags", "excludepkgs", "module_platform_id", "assumeyes", "keepcache")


class Selection:
    """DNF's `Base`, set up for one treefile after another; `read_repos` makes it read the repositories anew."""

    def __init__(self, base: Any, read_repos: Callable[[], None]) -> None:
        self._base, self._read_repos = base, read_repos
        self._own = {name: getattr(base.conf, name) for name in DECIDED}
        self._variables = dict(base.conf.substitutions)
        dnf_base.sort_transactions(base)

    @contextlib.contextmanager
    def of(self, tree: Any, root: Path, locks: Mapping[str, Lock], *, is_strict: bool) -> Iterator[None]:
        """For the body, have DNF's transaction be what makes root the tree; ComposeError says why it cannot."""
        self._require_architecture()
        self._configure(tree, root)
        with _rpm_macros(tree):
            repositories.open_for(tree, self._base, self._own["reposdir"], self._read_repos)
            self._base.fill_sack(load_system_repo=True, load_available_repos=True)
            self._lock(locks, tree["lockfile-repos"], is_strict=is_strict)
            self._mark(tree, is_strict=is_strict)
            self._resolve(tree)
            yield
        dnf_base.close(self._base)
        self._base.reset(sack=True, repos=True, goal=True)

    def _require_architecture(self) -> None:
        machine, wanted = dnf.rpm.basearch(hawkey.detect_arch()), self._base.conf.basearch
        if wanted != machine:
            raise ComposeError(f"a tree for {wanted} cannot be composed here: its scriptlets do not run on {machine}")

    def _configure(self, tree: Any, root: Path) -> None:
        conf = self._base.conf
        self._base.reset(sack=True, repos=True, goal=True)
        for name, value in self._own.items():
            setattr(conf, name, value)
        conf.substitutions.clear()
        conf.substitutions.update({**self._variables, **tree["repovars"]})
        if tree["releasever"]:
            conf.releasever = str(tree["releasever"])
        conf.install_weak_deps = tree["recommends"]
        conf.tsflags = [] if tree["documentation"] else ["nodocs"]
        conf.excludepkgs = [*self._own["excludepkgs"], *tree["exclude-packages"]]
        conf.keepcache = True
        conf.assumeyes = True  # nothing is at stake but a commit that nobody has yet
        if tree["platform-module"]:
            conf.module_platform_id = tree["platform-module"]
        dnf_base.work_in(self._base, root)
        self._root = root

    def _lock(self, locks: Mapping[str, Lock], only_for_locked: Iterable[str], *, is_strict: bool) -> None:
        """Leave of the packages that are locked only the locked ones, and, if strict, of all packages."""
        sack = self._base.sack
        available = sack.query().available()
        locked = sack.query().filterm(empty=True)
        missing = []
        for lock in locks.values():
            found = available.filter(nevra_strict=lock.nevra)
            fitting = [package for package in found if lock.digest in ("", _digest(package))]
            if not fitting and available.filter(name=lock.name):  # what is missing by name is said if it is needed
                missing.append(f"{lock.nevra} with {lock.digest}" if found else lock.nevra)
            locked = locked.union(sack.query().filterm(pkg=fitting))
        if missing:
            raise ComposeError(f"packages of the lockfile are in no repository: {', '.join(sorted(missing))}")
        others = available if is_strict else available.filter(name=[lock.name for lock in locks.values()])
        for repo in only_for_locked:
            others = others.union(available.filter(reponame=repo))
        if locks or only_for_locked:
            sack.add_excludes(others.difference(locked))

    def _mark(self, tree: Any, *, is_strict: bool) -> None:
        missing = self._mark_modules(tree)
        pinned = {name: pin["repo"] for pin in tree["repo-packages"] for name in pin["packages"]}
        for name, repo in pinned.items():
            query = self._base.sack.query().available().filterm(name=name)
            self._base.sack.add_excludes(query.difference(query.filter(reponame=repo)))
        for spec in dict.fromkeys([*tree["packages"], *pinned]):
            try:
                self._base.install(spec.strip("'"), reponame=pinned.get(spec))
            except dnf.exceptions.MarkingError:
                missing.append(spec.strip("'"))
        missing += self._mark_groups(tree["groups"])
        if missing:
            known = ", ".join(sorted(repo.id for repo in self._base.repos.iter_enabled()))
            hint = f"the repositories are {known or 'none'}{', and only what is locked counts' if is_strict else ''}"
            raise ComposeError(f"{tree.path}: no repository has {', '.join(missing)}", hint=hint)

    def _mark_modules(self, tree: Any) -> list[str]:
        """Choose the modules, and return those that there are not."""
        wanted = tree["modules"]
        missing: list[str] = []
        if not any(wanted.values()):
            return missing
        modules = dnf.module.module_base.ModuleBase(self._base)
        for kind, choose in (("enable", modules.enable), ("install", modules.install)):
            try:
                choose(wanted.get(kind, []))
            except dnf.exceptions.MarkingErrors as e:
                if not e.no_match_group_specs:
                    raise ComposeError(f"{tree.path}: modules: {e}") from e
                missing += [f"the module {name}" for name in e.no_match_group_specs]
        return missing

    def _mark_groups(self, groups: Iterable[str]) -> list[str]:
        """Choose the groups, and return those that there are not."""
        if not groups:
            return []
        self._base.read_comps(arch_filter=True)
        missing = []
        kinds = tuple(self._base.conf.group_package_types)
        for group in (group.lstrip("@^") for group in groups):
            if not (self._base.comps.group_by_pattern(group) or self._base.comps.environment_by_pattern(group)):
                missing.append(f"@{group}")
            else:
                self._base.env_group_install([group], kinds)
        return missing

    def _resolve(self, tree: Any) -> None:
        try:
            self._base.resolve()
        except dnf.exceptions.DepsolveError as e:
            raise ComposeError(f"the packages of {tree.path} do not fit together:\n{str(e).strip(chr(10))}") from e

    def coming(self) -> list[Coming]:
        """What the transaction installs, in the order of names."""
        return [_coming(package) for package in sorted(self._base.transaction.install_set)]

    def packages(self) -> list[Any]:
        """What the tree will have: what is installed, and what the transaction brings."""
        return [*self._base.sack.query().installed(), *self._base.transaction.install_set]

    def newest_build(self) -> int:
        """When the newest package of the tree was built, in seconds since 1970: as good a time as any for all of it."""
        return max([0, *(int(package.buildtime) for package in self.packages())])

    def repositories(self) -> list[tuple[str, int]]:
        """The enabled repositories, and when each was made, in seconds since 1970."""
        return sorted((repo.id, int(repo._repo.getMaxTimestamp())) for repo in self._base.repos.iter_enabled())

    def show(self) -> str:
        """The transaction as DNF shows it."""
        return str(self._base.output.list_transaction(self._base.transaction))

    def run(self, *, only_download: bool = False) -> dnf_base.Step:
        """Download the packages and install them, with DNF's own output; ComposeError where a scriptlet fails."""
        self._base.conf.downloadonly = only_download
        complaints = dnf_base.Complaints()
        try:
            self._base.do_transaction([complaints])
        except dnf.exceptions.Error as e:
            reasons = [str(e).rstrip(), str(complaints), *self._reasons()]
            raise ComposeError(": ".join(filter(None, reasons))) from e
        except FileNotFoundError as e:
            raise ComposeError(str(complaints) or f"a scriptlet has removed what rpm and DNF need: {e.filename}") from e
        finally:
            self._base.conf.downloadonly = False
        if str(complaints):
            raise ComposeError(str(complaints))
        done = dnf_base.step_of(self._base)
        dnf_base.close(self._base)
        return done

    def _reasons(self) -> list[str]:
        failed, needed = dnf_base.failed_files(self._base), dnf_base.install_size(self._base)
        return misfits.explain(self._root, failed, needed, os.fspath(self._root.parent))


def _coming(package: Any) -> Coming:
    evra = f"{package.evr}.{package.arch}"
    return Coming(package.name, str(package), evra, _digest(package), package.buildtime)


def _digest(package: Any) -> str:
    kind, digest = package.returnIdSum()
    return f"{kind}:{digest}"


@contextlib.contextmanager
def _rpm_macros(tree: Any) -> Iterator[None]:
    """What rpm is told by macros: where the database is, and of which languages it installs files."""
    macros = {"_dbpath": f"/{rpm_home.DATABASE}"}
    if tree["install-langs"]:
        macros["_install_langs"] = ":".join(tree["install-langs"])
    for name, value in macros.items():
        rpm.addMacro(name, value)
    try:
        yield
    finally:
        for name in macros:
            rpm.delMacro(name)
