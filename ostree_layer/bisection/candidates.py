# SPDX-License-Identifier: GPL-2.0-or-later
"""The commits from a bad one back to a good one, as a user names both, in the history of the ref that a host follows.

Of commits that are not here, no more than their metadata is pulled.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from ostree_layer import choice, imports, ledger, origin, pull, repo, sysroot, trees
from ostree_layer.bisection import state
from ostree_layer.bisection.search import SKIPPED
from ostree_layer.bisection.state import Bisection, Commit, name
from ostree_layer.downloads import Progress
from ostree_layer.errors import HostError, RepoError, nearest
from ostree_layer.fields import moment
from ostree_layer.model import Destination, Network
from ostree_layer.oci import reference
from ostree_layer.ostree_gi import OSTree
from ostree_layer.pull import Remote

ABBREVIATED, DATE = re.compile(r"[0-9a-f]{8,64}"), re.compile(r"\d{4}-\d\d-\d\d")
DAY = 24 * 60 * 60


class Way(NamedTuple):
    """How a history is got at."""

    progress: Progress
    network: Network
    is_offline: bool


class History:
    """The history of the ref that the deployment `start` follows."""

    def __init__(self, locked: OSTree.Sysroot, store: OSTree.Repo, start: OSTree.Deployment, way: Way) -> None:
        if imports.is_foreign(store, start):
            raise HostError("rpm-ostree has layered packages here", hint="'dnf system-import' takes them over first")
        self._locked, self._store, self._start, self._way = locked, store, start, way
        self.refspec = followed(start)
        self.remote, self._ref = pull.parse(self.refspec)
        self._commits = [self._commit(checksum) for checksum in trees.lineage(store, self._tip())]

    def _tip(self) -> str:
        if self.remote and not self._way.is_offline:
            return self._from_remote().history(self._ref)
        return trees.find(self._store, self.refspec)

    def _from_remote(self) -> Remote:
        return Remote(self._store, self.remote, self._way.progress, self._way.network)

    def _commit(self, checksum: str) -> Commit:
        found = repo.load_commit(self._store, checksum)
        return Commit(checksum, repo.version(found), repo.timestamp(found))

    def between(self, good: str, bad: str) -> Bisection:
        """The commits from the one that `good` means to that of `bad`; RepoError where these are not in one line."""
        first, last = self.find(good), self.find(bad)
        if first == last:
            raise RepoError(f"the good and the bad commit are the same: {name(first)}", hint="name two of them")
        chain = self._chain(last, first)
        if chain[-1] != first:
            raise self._not_before(first, last)
        return Bisection(self.refspec, tuple(reversed(chain)))

    def _chain(self, last: Commit, first: Commit) -> list[Commit]:
        """The commits from the last back to the first, or, where that is not among them, as far as they go."""
        found = list(_until(self._lineage(last), first))
        if found[-1] != first and self._is_cut(found[-1]):
            self._from_remote().ancestors(last.checksum)
            found = list(_until(self._lineage(last), first))
        return found

    def _lineage(self, commit: Commit) -> Iterator[Commit]:
        return map(self._commit, trees.lineage(self._store, commit.checksum))

    def _is_cut(self, commit: Commit) -> bool:
        """Whether what is before a commit may be where it came from."""
        parent = OSTree.commit_get_parent(repo.load_commit(self._store, commit.checksum))
        return bool(parent and self.remote) and not self._way.is_offline

    def _not_before(self, first: Commit, last: Commit) -> RepoError:
        if last in self._lineage(first):
            message = f"the good commit {name(first)} comes after the bad one, {name(last)}"
            return RepoError(message, hint="GOOD is the older one; call good what is broken to find what repaired it")
        message = f"the good commit {name(first)} is not in the history of the bad one, {name(last)}"
        return RepoError(message, hint=f"'dnf tree log {last.checksum[:12]}' shows what is")

    def find(self, word: str) -> Commit:
        """The commit that a word means: a date, a deployment by index or label, a checksum or the begin of one, or a
        version, which has a colon before it where it could be something else. Of a local tree it is the base."""
        if word.startswith(":"):
            return self._version(word[1:])
        if DATE.fullmatch(word):
            return self._of_day(word)
        found = self._deployed(word) or self._by_checksum(word)
        return found or self._version(word)

    def _deployed(self, word: str) -> Commit | None:
        deployments = self._locked.get_deployments()
        labelled = choice.labels(self._locked, self._start.get_osname())
        if choice.is_index(word) and int(word) < len(deployments):
            labelled = {word: deployments[int(word)]}
        if word not in labelled:
            return None
        return self._commit(ledger.read_base(self._store, labelled[word].get_csum()))

    def _by_checksum(self, word: str) -> Commit | None:
        if not ABBREVIATED.fullmatch(word):
            return None
        known = next((commit for commit in self._commits if commit.checksum.startswith(word)), None)
        found = None if known else repo.resolve(self._store, word)
        if found is not None and repo.has_commit(self._store, found):
            return self._commit(ledger.read_base(self._store, found))
        return known

    def _of_day(self, word: str) -> Commit:
        """The newest commit that is not younger than the day, in UTC."""
        try:
            day = datetime.datetime.fromisoformat(word).replace(tzinfo=datetime.timezone.utc)
        except ValueError as e:
            raise RepoError(f"{word} is no date: {e}") from e
        found = next((commit for commit in self._commits if commit.timestamp < day.timestamp() + DAY), None)
        if found is None:
            first = self._commits[-1]
            raise RepoError(
                f"{self.refspec} has no commit of {word} or before",
                hint=f"the first is {name(first)} of {moment(first.timestamp)}",
            )
        return found

    def _version(self, version: str) -> Commit:
        found = next((commit for commit in self._commits if version and commit.version == version), None)
        if found is None:
            known = sorted({commit.version for commit in self._commits} - {""})
            hint = nearest(version, known, otherwise=f"there are {', '.join(known)}" if known else "")
            raise RepoError(f"{self.refspec} has no commit or version {version}, nor is it a deployment", hint=hint)
        return found


def followed(start: OSTree.Deployment) -> str:
    """The refspec whose history it is about; HostError where the deployment follows none."""
    refspec = origin.following(start)
    if not refspec or origin.CHECKSUM.fullmatch(refspec.rpartition(":")[2]):
        raise HostError("this host follows no ref, so its tree has no history", hint="'dnf rebase REFSPEC' follows one")
    if reference.is_image(refspec):
        raise HostError(f"this host follows {refspec}, and images have no history", hint="'dnf rebase' goes to a ref")
    return refspec


def _until(commits: Iterator[Commit], last: Commit) -> Iterator[Commit]:
    """The commits up to the last one, with that."""
    for commit in commits:
        yield commit
        if commit == last:
            return


def begun(locked: OSTree.Sysroot, start: OSTree.Deployment, way: Way, named: tuple[str, ...]) -> Bisection:
    """A new bisection: `named` are what is good, what is bad, and what is not to be tried."""
    former = state.read(sysroot.work_folder(locked))
    if former is not None and (former.start or (former.candidate and former.verdicts)):
        raise HostError("a bisection is on already", hint=f"'dnf bisect log' shows it, {state.RESET}")
    history = History(locked, sysroot.repository(locked), start, way)
    made = history.between(*named[:2]).proceeded()
    for word in named[2:]:
        made = made.judged(one_of(made, history.find(word), word), SKIPPED)
    return made


def one_of(bisection: Bisection, found: Commit, word: str) -> Commit:
    """The commit that word means, if it is one of those that the bisection is about."""
    if found not in bisection.commits:
        ends = f"{name(bisection.commits[0])} and {name(bisection.commits[-1])}"
        raise HostError(f"{word}, commit {name(found)}, is not between {ends}", hint="'dnf bisect log' shows both")
    return found


class Finder(Protocol):
    """What `destination.Finder` is to a bisection."""

    def find(self, word: str) -> Destination: ...

    def bring(self, found: Destination) -> Destination: ...


def bring(finder: Finder, bisection: Bisection, commit: Commit) -> Destination:
    """Pull a candidate."""
    try:
        fetcher(finder, bisection)(commit.checksum)
        return finder.bring(Destination(commit.checksum, bisection.refspec, is_override=True))
    except RepoError as e:
        hint = f"'dnf bisect skip {commit.checksum[:12]}' passes it by, 'start' and 'run' have --skip for that"
        why = f"{e}" + (f"; {e.hint}" if e.hint else "")
        raise RepoError(f"commit {name(commit)}, which is to be tried next, cannot be had: {why}", hint=hint) from e


def fetcher(finder: Finder, bisection: Bisection) -> Callable[[str], object]:
    """What pulls a commit without its content from where the history is, if it is not here."""
    remote = bisection.refspec.rpartition(":")[0]
    return lambda checksum: finder.find(":".join(filter(None, [remote, checksum])))
