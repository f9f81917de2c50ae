# SPDX-License-Identifier: GPL-2.0-or-later
"""Going to another tree: what the user wants, and the destination that this means on a host."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from ostree_layer import imports, ledger, metadata, origin, pull, repo, sysroot
from ostree_layer.destination import ABBREVIATED, Finder, Terms
from ostree_layer.errors import HostError
from ostree_layer.model import Destination, Settings
from ostree_layer.ostree_gi import OSTree
from ostree_layer.pull import Progress

log = logging.getLogger("dnf.plugin")
# The options and arguments by which a user names what to upgrade.
NAMED = (
    "pkg_specs",
    "grp_specs",
    "filenames",
    "advisory",
    "bugfix",
    "bugzilla",
    "cves",
    "enhancement",
    "newpackage",
    "security",
    "severity",
)
UPGRADE, SWITCH, DEPLOY, RECOMPOSE, IMPORT = "upgrade", "system-switch", "deploy", "recompose", "system-import"


@dataclasses.dataclass(frozen=True)
class Wish:
    """What the user wants of one of these commands, in his own word, and under which terms.

    `into` names another stateroot to deploy into, `name` a ref to keep the result under, and `forgotten` requests that
    are not wanted any more.
    """

    command: str
    word: str = ""
    terms: Terms = Terms()
    from_booted: bool = False
    into: str = ""
    name: str = ""
    forgotten: tuple[str, ...] = ()

    def choose(
        self, locked: OSTree.Sysroot, start: OSTree.Deployment, progress: Callable[[], AbstractContextManager[Progress]]
    ) -> Destination | None:
        """The destination, pulled and judged; None where there is no need to go anywhere."""
        store = sysroot.repository(locked)
        if self.command == SWITCH:
            sysroot.require_nothing_staged(locked, from_booted=self.from_booted)
        if self.into:
            sysroot.require_existing(locked, self.into)
        if self.name:
            require_own_name(store, self.name)
        base = ledger.read_base(store, start.get_csum())
        if self.command == IMPORT:
            return imported(store, start)
        if self.command == RECOMPOSE:
            return origin.here(start, base)
        with progress() as tell:
            return self._find(Finder(store, start, self.terms, tell), store, start, base)

    def _find(self, finder: Finder, store: OSTree.Repo, start: OSTree.Deployment, base: str) -> Destination | None:
        if self.command == UPGRADE:
            refspec = followed(store, start)
            if self.terms.is_here and refspec and repo.resolve(store, refspec) is None:
                return None
            found = finder.newest(refspec) if refspec else None
            if found is None or found.checksum == base:
                return None
        else:
            found = self._find_word(finder)
            if self.command == DEPLOY:
                found = dataclasses.replace(found, is_pinned=False, is_override=found.is_pinned)
        finder.require(found)
        finder.fetch(found)
        return found

    def _find_word(self, finder: Finder) -> Destination:
        """A version may be named without its colon where nothing but a version or a commit makes sense."""
        is_version = self.command == DEPLOY and not ABBREVIATED.fullmatch(self.word.rpartition(":")[2])
        return finder.find(":" + self.word.lstrip(":") if is_version else self.word)


def upgrade(command: str, opts: Any, settings: Settings) -> Wish | None:
    """The wish of `dnf upgrade` for a newer tree: where it names neither packages nor advisories."""
    if command != UPGRADE or settings.upgrade == "packages" or any(getattr(opts, name, None) for name in NAMED):
        return None
    terms = Terms(allow_downgrade=opts.allow_downgrade, is_here=bool(opts.cacheonly))
    return Wish(UPGRADE, terms=terms, from_booted=opts.from_booted)


def imported(store: OSTree.Repo, start: OSTree.Deployment) -> Destination:
    """The base of what rpm-ostree has layered on start, with its requests; HostError where there is none."""
    if not imports.is_foreign(store, start) and not imports.stands_on_foreign(store, start):
        raise HostError("rpm-ostree has layered nothing on this host, or it has been taken over already")
    found = imports.read(store, start)
    if not repo.has_commit(store, found.base):
        hint = "'ostree pull' brings it back; then try again"
        raise HostError(f"the base {found.base} of what rpm-ostree has layered is not here any more", hint=hint)
    for note in found.notes:
        log.info("%s", note)
    return Destination(found.base, found.base_refspec, requests=found.requests)


def followed(store: OSTree.Repo, start: OSTree.Deployment) -> str:
    """The refspec that an upgrade of start follows; empty, and said why, where there is none."""
    refspec = origin.refspec(start)
    if origin.is_pinned(start):
        log.info("The tree is pinned to commit %s; %s.", refspec[:12], _way_back(start))
        return ""
    remote, ref = pull.parse(refspec) if refspec else ("", "")
    if remote and remote not in pull.remotes(store):
        log.warning("There is no remote %s any more, so the tree has no newer commit.", remote)
        return ""
    if ref and not remote and ref not in repo.refs(store):
        log.debug("no ref %s, so no newer commit", ref)
        return ""
    return refspec


def _way_back(start: OSTree.Deployment) -> str:
    refspec = origin.following(start)
    return (
        f"'dnf system-switch {refspec}' follows the ref again"
        if refspec != origin.refspec(start)
        else "no ref is known"
    )


def require_own_name(store: OSTree.Repo, name: str) -> None:
    """HostError where the ref cannot be made, or is somebody else's."""
    repo.require_ref_name(name)
    former = repo.resolve(store, name)
    if former is not None and metadata.parse_local(repo.metadata(repo.load_commit(store, former))) is None:
        raise HostError(f"{name} is a ref to a tree that was not made here", hint="--name takes another name")
