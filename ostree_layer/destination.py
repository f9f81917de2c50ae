# SPDX-License-Identifier: GPL-2.0-or-later
"""Where to go: the tree that a user names, looked for, judged by its commit alone, and only then pulled."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from ostree_layer import certification, database, dnf_base, ledger, metadata, origin, pull, repo, signatures, trees
from ostree_layer.downloads import Progress
from ostree_layer.errors import RepoError, nearest
from ostree_layer.fields import moment
from ostree_layer.model import Destination, Network, Package
from ostree_layer.oci import reference
from ostree_layer.oci.images import Images
from ostree_layer.oci.records import Records
from ostree_layer.ostree_gi import Gio, OSTree, translated
from ostree_layer.pull import Remote

ABBREVIATED = re.compile(r"[0-9a-f]{8,64}")


@dataclasses.dataclass(frozen=True)
class Terms:
    """What a tree has to be: signed or certified by these keys, and not older than what it takes the place of.

    `is_offline`: of a remote, what has been pulled before is as good as what is there now. `network` is the way there.
    """

    certified_by: tuple[str, ...] = ()
    allow_downgrade: bool = False
    is_offline: bool = False
    network: Network = Network()


def is_known(store: OSTree.Repo, refspec: str) -> bool:
    """Whether what a refspec, or the name of an image, leads to has been brought here before."""
    if reference.is_image(refspec):
        return Records(store).find(refspec) is not None
    return repo.resolve(store, refspec) is not None


class Finder:
    """Finds trees for a host whose tree is of the refspec `followed`, and, if the ref has brought it, of a commit."""

    def __init__(self, store: OSTree.Repo, start: OSTree.Deployment, progress: Progress, terms: Terms) -> None:
        self._store, self._followed = store, origin.following(start)
        self._progress, self._terms = progress, terms
        self._named_remote = ""
        self._images = Images(store, terms.network, progress)
        self._brought = None if origin.strays(start) else ledger.read_base(store, start.get_csum())

    def find(self, word: str) -> Destination:
        """The tree that a user's word means: REFSPEC, IMAGE, COMMIT or :VERSION. Nothing but commits is pulled."""
        if reference.is_image(word):
            return self.newest(reference.parse(word).word)
        if word.startswith(":"):
            return self._pinned(self._find_version(word[1:]))
        remote, name = pull.parse(word)
        if ABBREVIATED.fullmatch(name):
            self._named_remote = remote
            checksum = self._find_commit(remote, name)
            local = ledger.read_local(self._store, checksum)
            return Destination(checksum, local.base_refspec) if local else self._pinned(checksum)
        here = self._own_remote()
        if here and not remote and name not in repo.refs(self._store):
            return self.newest(f"{here}:{name}")
        return self.newest(word)

    def newest(self, refspec: str) -> Destination:
        """The commit that a refspec, or the name of an image, leads to now."""
        if reference.is_image(refspec):
            base = (self._brought or "") if refspec == self._followed else ""
            known = self._terms.is_offline
            return Destination(self._images.known(refspec) if known else self._images.look(refspec, base), refspec)
        remote, ref = pull.parse(refspec)
        if remote and self._terms.is_offline:
            return Destination(trees.find(self._store, refspec), refspec)
        if remote:
            return Destination(self._remote(remote).tip(ref), refspec)
        checksum = trees.find(self._store, ref)
        local = ledger.read_local(self._store, checksum)
        return Destination(checksum, local.base_refspec if local else refspec)

    def _pinned(self, checksum: str) -> Destination:
        return Destination(checksum, self._followed, is_pinned=True)

    def _find_commit(self, remote: str, name: str) -> str:
        found = repo.resolve(self._store, name)
        if found is not None and repo.has_commit(self._store, found):
            return found
        remote = remote or self._own_remote()
        if not remote or not origin.CHECKSUM.fullmatch(name):
            hint = "a commit that is to be pulled is named as REMOTE:CHECKSUM, with all its 64 digits"
            raise RepoError(f"there is no commit {name} in {repo.path_of(self._store)}", hint=hint)
        self._remote(remote).commit(name)
        return name

    def _own_remote(self) -> str:
        """That of the refspec that is followed, if it has one; an image has none."""
        is_ref = self._followed and not reference.is_image(self._followed)
        return pull.parse(self._followed)[0] if is_ref else ""

    def _find_version(self, version: str) -> str:
        """The newest commit of this version in the history of the refspec that is followed."""
        if not self._followed or origin.CHECKSUM.fullmatch(self._followed):
            raise RepoError(f":{version} is a version of no ref: this host follows none", hint="name a REFSPEC")
        if reference.is_image(self._followed):
            raise RepoError(
                f":{version} is a version of no ref: this host follows {self._followed}", hint="name its tag"
            )
        remote, ref = pull.parse(self._followed)
        is_there = remote and not self._terms.is_offline
        start = self._remote(remote).history(ref) if is_there else trees.find(self._store, self._followed)
        versions: dict[str, str] = {}
        for checksum in trees.lineage(self._store, start):
            versions.setdefault(repo.version(repo.load_commit(self._store, checksum)), checksum)
        if version not in versions:
            hint = nearest(version, versions, otherwise=f"there are {', '.join(sorted(filter(None, versions)))}")
            raise RepoError(f"{self._followed} has no version {version}", hint=hint)
        return versions[version]

    def bring(self, found: Destination) -> Destination:
        """Judge a tree by its commit, and then pull what is missing of it."""
        self.require(found)
        self._fetch(found)
        return found

    def require(self, found: Destination) -> None:
        """RepoError where the commit is not what it has to be."""
        if not found.is_pinned and not found.is_override and not self._terms.allow_downgrade:
            self._require_not_older(found)
        known = metadata.parse_packages(repo.metadata(repo.load_commit(self._store, found.checksum)))
        _require_architecture(found.checksum, known or ())
        signer = reference.parse(found.refspec).remote if reference.is_image(found.refspec) else ""
        if signer:
            signatures.require(self._store, found.checksum, signer)
        if self._terms.certified_by:
            self._require_certified(found, self._source(found)[0])

    def _require_not_older(self, found: Destination) -> None:
        """Of the same ref only: commits of different ones say nothing about each other."""
        base = self._brought
        if found.refspec != self._followed or base is None or not repo.has_commit(self._store, base):
            return
        times = [repo.timestamp(repo.load_commit(self._store, name)) for name in (found.checksum, base)]
        if times[0] < times[1]:
            message = f"{found.refspec} is now at commit {found.checksum[:12]} of {moment(times[0])}, which is older"
            raise RepoError(
                f"{message} than the base of this host, of {moment(times[1])}", hint="--allow-downgrade takes it"
            )

    def _require_certified(self, found: Destination, remote: str) -> None:
        """A commit that is here already may have been certified since."""
        trusted = signatures.Keys(remote=remote, certified_by=self._terms.certified_by)
        missing = certification.check(self._store, found.checksum, trusted).absent
        if missing and remote and (found.is_pinned or found.is_override) and not self._terms.is_offline:
            self._remote(remote).commit(found.checksum)
            missing = certification.check(self._store, found.checksum, trusted).absent
        if missing:
            hint = "its keys are those of the remote, or those in /usr/share/ostree/trusted.gpg.d"
            message = f"commit {found.checksum} has no good signature or certification by {', '.join(missing)}"
            raise RepoError(message, hint=hint)

    def _fetch(self, found: Destination) -> None:
        """Pull what is missing of the commit; RepoError where it is no tree of packages."""
        exact = found.is_pinned or found.is_override
        if reference.is_image(found.refspec) and not exact:
            if not self._terms.is_offline:
                self._images.bring(found.refspec, found.checksum)
        else:
            self._fetch_from_remote(found)
        _require_rpm_database(self._store, found.checksum)

    def _fetch_from_remote(self, found: Destination) -> None:
        remote, ref = self._source(found)
        exact = found.is_pinned or found.is_override
        is_looked_for = remote and not exact and not self._terms.is_offline
        if ledger.read_local(self._store, found.checksum) is None and (
            is_looked_for or self._is_partial(found.checksum)
        ):
            self._remote(remote).content("" if exact else ref, found.checksum)

    def _source(self, found: Destination) -> tuple[str, str]:
        """The remote that has the commit, which a user may have named with it, and the ref."""
        if reference.is_image(found.refspec):
            return self._named_remote or reference.parse(found.refspec).remote, ""
        remote, ref = pull.parse(found.refspec) if found.refspec else ("", "")
        return self._named_remote or remote, ref

    def _is_partial(self, checksum: str) -> bool:
        return repo.is_partial(self._store, checksum)

    def _remote(self, name: str) -> Remote:
        if self._terms.is_offline:
            raise RepoError("not all of the commit is here", hint="without --cacheonly it is pulled")
        if not name:
            raise RepoError("only a part of the commit is here, and no remote is known that has the rest")
        return Remote(self._store, name, self._progress, self._terms.network)


def _require_architecture(checksum: str, packages: Iterable[Package]) -> None:
    found = {dnf_base.basearch_of(package.arch) for package in packages} - {""}
    here = dnf_base.basearch()
    if found and here not in found:
        raise RepoError(f"commit {checksum[:12]} is a tree for {', '.join(sorted(found))}; this host is {here}")


def _require_rpm_database(store: OSTree.Repo, checksum: str) -> None:
    with translated(f"reading commit {checksum}", RepoError):
        root = store.read_commit(checksum, None)[1]
        for path in database.RPMDB_DIRECTORIES:
            found = root.resolve_relative_path(path)
            if found.query_exists(None) and _has_files(found):
                return
    hint = "dnf could not work on it; 'ostree admin switch' does not mind"
    raise RepoError(f"commit {checksum[:12]} has no rpm database: it is no tree of packages", hint=hint)


def _has_files(directory: OSTree.RepoFile) -> bool:
    nofollow = Gio.FileQueryInfoFlags.NOFOLLOW_SYMLINKS
    if directory.query_file_type(nofollow, None) != Gio.FileType.DIRECTORY:
        return False
    return directory.enumerate_children("standard::name", nofollow, None).next_file(None) is not None
