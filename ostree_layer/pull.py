# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees of a remote: its refs looked for, commits pulled, no more of them than is missing."""

from __future__ import annotations

import re

from ostree_layer import downloads, looks, repo
from ostree_layer.downloads import Progress
from ostree_layer.errors import RepoError, nearest
from ostree_layer.failpoint import failpoint
from ostree_layer.model import Network
from ostree_layer.ostree_gi import Gio, GLib, OSTree

CHECKSUM = re.compile("[0-9a-f]{64}")
RENEWED = (
    "'dnf tree remote add {0} URL --gpgkey=FILE|URL' takes a new one; 'dnf tree remote list' shows those there are"
)
# What libostree finds wrong with signatures, and what to do about it.
FLAWS = {
    int(OSTree.GpgError.NO_SIGNATURE): (
        "is not signed, and this remote demands it",
        "'dnf tree remote add {0} URL --no-verify --anyway' takes commits that nobody has signed",
    ),
    int(OSTree.GpgError.MISSING_KEY): ("is signed by no key that this host trusts for it", RENEWED),
    int(OSTree.GpgError.EXPIRED_KEY): ("is signed by a key that has expired", RENEWED),
    int(OSTree.GpgError.REVOKED_KEY): ("is signed by a key that was revoked", RENEWED),
    int(OSTree.GpgError.EXPIRED_SIGNATURE): ("has a signature that has expired", "whoever publishes it signs it anew"),
    int(OSTree.GpgError.INVALID_SIGNATURE): (
        "has a signature that does not fit: one of the two was changed after signing",
        "do not trust it before whoever publishes it knows why",
    ),
}
ALL = -1


def parse(refspec: str) -> tuple[str, str]:
    """The remote of a refspec, empty for a local ref, and the ref."""
    try:
        _ok, remote, ref = OSTree.parse_refspec(refspec)
    except GLib.Error as e:
        hint = "it is REMOTE:REF, or the name of a ref in the host's own repository"
        raise RepoError(f"{refspec} is no refspec", hint=hint) from e
    return remote or "", ref


def remotes(store: OSTree.Repo) -> list[str]:
    return sorted(store.remote_list() or [])


def require_remote(store: OSTree.Repo, remote: str) -> None:
    known = remotes(store)
    if remote not in known:
        names = f"the remotes are {', '.join(known)}" if known else "'dnf tree remote add NAME URL' adds one"
        raise RepoError(f"there is no remote {remote}", hint=nearest(remote, known, otherwise=names))


class Remote:
    """One of the repository's remotes; what it is asked for is pulled by the rules of its configuration."""

    def __init__(self, store: OSTree.Repo, name: str, progress: Progress, network: Network) -> None:
        require_remote(store, name)
        self._store, self._name, self._progress, self._network = store, name, progress, network

    def tip(self, ref: str) -> str:
        """The commit that the ref names there now, of which only the commit itself is pulled."""
        return self._look(ref, depth=0)

    def history(self, ref: str) -> str:
        """The same, with all commits before it."""
        return self._look(ref, depth=ALL)

    def _look(self, ref: str, depth: int) -> str:
        """Under another name: until the content is here, the remote's own ref would name half a tree."""
        wanted = {
            "refs": _strings([ref]),
            "depth": GLib.Variant("i", depth),
            "override-remote-name": _string(looks.REMOTE),
        }
        try:
            self._pull(ref, wanted, commits_only=True)
            failpoint("pull::looked")
            # libostree writes no ref where the remote's own names that commit already.
            found = repo.resolve(self._store, f"{looks.REMOTE}:{ref}")
            return str(found or repo.resolve(self._store, f"{self._name}:{ref}"))
        except RepoError as e:
            raise self._explained(e, ref) from e
        finally:
            looks.forget(self._store)

    def _explained(self, error: RepoError, ref: str) -> RepoError:
        """Why a ref could not be pulled: there may be no such one."""
        known, cause = self.refs(), error.__cause__
        is_absent = isinstance(cause, GLib.Error) and cause.matches(Gio.io_error_quark(), Gio.IOErrorEnum.NOT_FOUND)
        if ref in known or (not known and not is_absent):
            return error
        if not known:
            here = {name.partition(":")[2] for name in repo.refs(self._store) if name.startswith(f"{self._name}:")}
            return error if ref in here else RepoError(str(error), hint=nearest(ref, here))
        hint = nearest(ref, known, otherwise=f"it has {', '.join(sorted(known))}")
        return RepoError(f"{self._name} has no ref {ref}", hint=hint)

    def refs(self) -> list[str]:
        """The refs that the remote says it has; none where it does not say."""
        try:
            with downloads.going_through(self._store, self._name, self._network):
                return list(self._store.remote_list_refs(self._name, None)[1])
        except GLib.Error:  # no summary, or no network: the caller knows what was wrong
            return []

    def commit(self, checksum: str) -> None:
        """Pull a commit without its content, and what is beside it there now."""
        self._pull(checksum[:12], {"refs": _strings([checksum])}, commits_only=True)

    def ancestors(self, checksum: str) -> None:
        """Pull a commit with all commits before it, without their content."""
        wanted = {"refs": _strings([checksum]), "depth": GLib.Variant("i", ALL)}
        self._pull(checksum[:12], wanted, commits_only=True)

    def content(self, ref: str, checksum: str) -> None:
        """Pull all of a commit that is missing; then the ref, if one is given, names it here."""
        wanted = {"refs": _strings([ref or checksum])}
        if ref:
            wanted["override-commit-ids"] = _strings([checksum])
        self._pull(ref or checksum[:12], wanted)
        failpoint("pull::fetched")

    def _pull(self, what: str, wanted: dict[str, GLib.Variant], *, commits_only: bool = False) -> None:
        flags = OSTree.RepoPullFlags.COMMIT_ONLY if commits_only else OSTree.RepoPullFlags.NONE
        values = {**wanted, "flags": GLib.Variant("i", int(flags))}
        try:
            downloads.pull(self._store, self._name, values, self._progress, self._network)
        except GLib.Error as e:
            flaw = self._distrusted(e)
            if flaw is not None:
                raise flaw from e
            hint = "what has been pulled is kept: the same command goes on from there"
            raise RepoError(f"pulling {what} from {self._name}: {e.message}", hint="" if commits_only else hint) from e

    def _distrusted(self, error: GLib.Error) -> RepoError | None:
        """What libostree says of signatures, in the words of whom it stops; None where it is about something else."""
        if not error.matches(OSTree.gpg_error_quark(), error.code):
            return None
        found = CHECKSUM.search(error.message)
        subject = f"commit {found[0]}" if found else "the summary"
        flaw, hint = FLAWS.get(error.code, (f"has no good signature: {error.message}", ""))
        return RepoError(f"{subject} of {self._name} {flaw}", hint=hint.format(self._name))


def _string(word: str) -> GLib.Variant:
    return GLib.Variant("s", word)


def _strings(words: list[str]) -> GLib.Variant:
    return GLib.Variant("as", words)
