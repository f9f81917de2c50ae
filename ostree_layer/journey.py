# SPDX-License-Identifier: GPL-2.0-or-later
"""Going to another tree: what the user wants, and the destination that this means on a host."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from ostree_layer import imports, ledger, origin, pull, repo, sysroot
from ostree_layer.destination import ABBREVIATED, Finder, Terms, is_known
from ostree_layer.downloads import Progress
from ostree_layer.errors import HostError, RepoError
from ostree_layer.imports import Imported
from ostree_layer.model import Destination, Network, Settings
from ostree_layer.oci import reference
from ostree_layer.ostree_gi import OSTree

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
TRY, KEEP = "try", "try --keep"


@dataclasses.dataclass(frozen=True)
class Wish:
    """What the user wants of one of these commands, in their own word, and under which terms.

    `into` names another stateroot to deploy into, `name` a ref to keep the result under, and `forgotten` requests that
    are not wanted any more. With `only_looks` no more of the destination is pulled than its commit.
    """

    command: str
    word: str = ""
    terms: Terms = Terms()
    from_booted: bool = False
    into: str = ""
    name: str = ""
    forgotten: tuple[str, ...] = ()
    only_looks: bool = False

    @property
    def starts_anew(self) -> bool:
        """Whether what was asked for before is not asked for again there."""
        return self.command in (TRY, KEEP)

    def choose(
        self, locked: OSTree.Sysroot, start: OSTree.Deployment, progress: Callable[[], AbstractContextManager[Progress]]
    ) -> Destination | None:
        """The destination, pulled and judged; None where there is no need to go anywhere."""
        store = sysroot.repository(locked)
        if self.command in (SWITCH, KEEP):
            sysroot.require_nothing_staged(locked, from_booted=self.from_booted)
        if self.into:
            sysroot.require_existing(locked, self.into)
        if self.name:
            require_own_name(store, self.name)
        foreign = imported(store, start)
        if self.command == IMPORT and foreign is None:
            raise HostError("rpm-ostree has layered nothing on this host, or it has been taken over already")
        base = foreign.base if foreign else ledger.read_base(store, start.get_csum())
        with progress() as tell:
            finder = Finder(store, start, tell, self.terms)
            found = self._find(finder, store, start, base)
        if foreign is None and self._is_for_nothing(found, origin.here(start, base)):
            log.info("That is the tree that there is; 'dnf recompose' makes it anew.")
            return None
        if foreign is None or found is None:
            return found
        for note in foreign.notes:
            log.info("%s", note)
        return dataclasses.replace(found, requests=foreign.requests)

    def _is_for_nothing(self, found: Destination | None, here: Destination) -> bool:
        return self.command in (SWITCH, DEPLOY) and found == here and not (self.into or self.name or self.forgotten)

    def _find(self, finder: Finder, store: OSTree.Repo, start: OSTree.Deployment, base: str) -> Destination | None:
        if self.command in (IMPORT, RECOMPOSE):
            return origin.here(start, base)
        found = self._newest(finder, store, start) if self.command == UPGRADE else self._find_word(finder)
        if found is None or (self.command == UPGRADE and found.checksum == base):
            return None
        if self.only_looks:
            finder.require(found)
            return found
        return finder.bring(found)

    def _newest(self, finder: Finder, store: OSTree.Repo, start: OSTree.Deployment) -> Destination | None:
        """Where an upgrade may go; without the remote, it may still be about packages."""
        refspec = followed(store, start)
        if self.terms.is_offline and refspec and not is_known(store, refspec):
            return None
        try:
            return finder.newest(refspec) if refspec else None
        except RepoError as e:
            hint = "; ".join(
                filter(None, [e.hint, r"'dnf upgrade \*' upgrades packages without asking for a newer tree"])
            )
            raise RepoError(str(e), hint=hint) from e

    def _find_word(self, finder: Finder) -> Destination:
        """A version may be named without its colon where nothing but a version or a commit makes sense."""
        if self.command != DEPLOY:
            return finder.find(self.word)
        is_commit = ABBREVIATED.fullmatch(self.word.rpartition(":")[2]) and not self.word.startswith(":")
        found = finder.find(self.word if is_commit else ":" + self.word.lstrip(":"))
        return dataclasses.replace(found, is_pinned=False, is_override=found.is_pinned)


def upgrade(opts: Any, settings: Settings, network: Network) -> Wish | None:
    """The wish of `dnf upgrade` for a newer tree: where it names neither packages nor advisories."""
    if settings.upgrade == "packages" or any(getattr(opts, name, None) for name in NAMED):
        return None
    offline, older = opts.cacheonly, opts.allow_downgrade
    terms = Terms(settings.certified_by, allow_downgrade=older, is_offline=offline, network=network)
    return Wish(UPGRADE, terms=terms, from_booted=opts.from_booted)


def imported(store: OSTree.Repo, start: OSTree.Deployment) -> Imported | None:
    """What rpm-ostree has layered on start, if it has; HostError where its base is not here."""
    if not imports.is_foreign(store, start) and not imports.stands_on_foreign(store, start):
        return None
    found = imports.read(store, start)
    if not repo.has_commit(store, found.base):
        hint = "'ostree pull' brings it back; then try again"
        raise HostError(f"the base {found.base} of what rpm-ostree has layered is not here any more", hint=hint)
    return found


def followed(store: OSTree.Repo, start: OSTree.Deployment) -> str:
    """The refspec that an upgrade of start follows; empty, and said why, where there is none."""
    refspec = origin.refspec(start)
    if origin.is_pinned(start):
        log.info("The tree is pinned to commit %s; %s.", refspec[:12], _way_back(start))
        return ""
    if reference.is_image(refspec):
        return refspec
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
    if former is not None and ledger.read_local(store, former) is None:
        raise HostError(f"{name} is a ref to a tree that was not made here", hint="--name takes another name")
