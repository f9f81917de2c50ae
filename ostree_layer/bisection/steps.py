# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps of a bisection by reboots: a word about a commit, and the next candidate to go to."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from ostree_layer import choice, ledger, origin, repo, retention, switching, sysroot
from ostree_layer.bisection import candidates, results, state, words
from ostree_layer.bisection.candidates import Way
from ostree_layer.bisection.search import SKIPPED
from ostree_layer.bisection.state import RESET, Bisection, Commit, name
from ostree_layer.destination import Finder, Terms
from ostree_layer.downloads import Progress
from ostree_layer.errors import HostError
from ostree_layer.failpoint import failpoint
from ostree_layer.model import Destination, RolledBack, Settings, Target
from ostree_layer.ostree_gi import OSTree
from ostree_layer.switching import Plan

START = "start"


@dataclasses.dataclass
class Step:
    """One of start, good, bad and skip, with the commits that the user names; what `journey.Wish` is to other commands.

    When it has chosen, `bisection` is what is to be kept, and `lines` is what there is to say.
    """

    verb: str
    named: tuple[str, ...]
    terms: Terms
    into: str = ""
    name: str = ""
    forgotten: tuple[str, ...] = ()
    starts_anew: bool = False

    def choose(
        self, locked: OSTree.Sysroot, start: OSTree.Deployment, progress: Callable[[], AbstractContextManager[Progress]]
    ) -> Destination | None:
        """The next candidate, pulled; None where there is nothing to deploy."""
        self._locked, self._work, store = locked, sysroot.work_folder(locked), sysroot.repository(locked)
        self._running = sysroot.find_booted(locked) or start
        with progress() as tell:
            self.bisection = self._begun(tell) if self.verb == START else self._judged()
            if not self.bisection.candidate:
                fetch = candidates.fetcher(Finder(store, start, tell, self.terms), self.bisection)
                self.lines = list(results.lines(store, self.bisection, fetch))
                return None
            if not self.bisection.start:
                self.lines = [f"C{words.status(self.bisection)[1:]}: 'dnf bisect run -- CMD' goes on."]
                return None
            self.lines = list(words.candidate(self.bisection))
            found = self._destination(Finder(store, start, tell, self.terms))
        base = ledger.read_base(store, start.get_csum())
        self.goes = found != origin.here(start, base)
        return found if self.goes else None

    goes = False

    def _destination(self, finder: Finder) -> Destination:
        commit = self.bisection.find(self.bisection.candidate)
        assert commit is not None
        return candidates.bring(finder, self.bisection, commit)

    def _way(self, tell: Progress) -> Way:
        return Way(tell, self.terms.network, self.terms.is_offline)

    def _begun(self, tell: Progress) -> Bisection:
        sysroot.require_nothing_staged(self._locked, from_booted=False)
        made = candidates.begun(self._locked, self._running, self._way(tell), self.named)
        return dataclasses.replace(
            made,
            start=f"{self._running.get_csum()}.{self._running.get_deployserial()}",
            is_kept=not retention.is_pinned_by_user(self._running),
        )

    def _judged(self) -> Bisection:
        found = state.require(self._work)
        if not found.candidate and not self.named:
            raise HostError(f"the bisection has ended: {words.verdict(found)}", hint=RESET)
        for commit in [self._named(found, word) for word in self.named] or [self._candidate(found)]:
            found = found.judged(commit, self.verb)
        return found

    def _named(self, bisection: Bisection, word: str) -> Commit:
        """A commit by the begin of its checksum, by version, or by a deployment."""
        wanted = word.lstrip(":")
        matching = [one for one in bisection.commits if one.checksum.startswith(wanted) and len(wanted) > 3]
        matching += [one for one in reversed(bisection.commits) if one.version == wanted]
        if matching:
            return matching[0]
        deployment = choice.find(self._locked, self._running.get_osname(), word)
        return candidates.one_of(bisection, self._commit_of(deployment), word)

    def _commit_of(self, deployment: OSTree.Deployment) -> Commit:
        store = sysroot.repository(self._locked)
        base = ledger.read_base(store, deployment.get_csum())
        if not repo.has_commit(store, base):
            return Commit(base, "", 0)
        found = repo.load_commit(store, base)
        return Commit(base, repo.version(found), repo.timestamp(found))

    def _candidate(self, bisection: Bisection) -> Commit:
        """The one that is to be tried; to be judged it has to run."""
        commit, here = bisection.find(bisection.candidate), self._commit_of(self._running)
        assert commit is not None
        if self.verb != SKIPPED and here.checksum != commit.checksum:
            is_booted = sysroot.find_booted(self._locked) is not None
            where = "the booted deployment" if is_booted else "the newest deployment"
            message = f"{where} is of commit {name(here)}, and {name(commit)} is to be tried"
            hint = f"reboot into it, or name what you mean: 'dnf bisect {self.verb} COMMIT'"
            raise HostError(message, hint=f"{hint}; 'dnf bisect skip' passes by what does not boot")
        return commit

    def save(self) -> None:
        """Keep what is known now, and of the begin the deployment that the user came from."""
        failpoint("bisection::deployed")
        if self.verb == START and self.bisection.is_kept:
            retention.pin(self._locked, self._running)
        state.write(self._work, self.bisection)


@dataclasses.dataclass(frozen=True)
class Reset:
    """The end of a bisection; `plan` goes back to where it was begun, if that takes anything."""

    locked: OSTree.Sysroot
    bisection: Bisection
    start: OSTree.Deployment | None
    plan: Plan | None

    def carry_out(self, settings: Settings) -> RolledBack | None:
        """Let the deployment boot next that the user came from, no longer pinned, and forget the bisection."""
        done = self.plan.carry_out(settings) if self.plan is not None else None
        if self.start is not None and self.bisection.is_kept:
            retention.unpin(self.locked, self.start)
        state.remove(sysroot.work_folder(self.locked))
        return done

    @property
    def lines(self) -> Iterator[str]:
        if self.bisection.start and self.start is None:
            yield "The deployment that it was started from is not there any more: nothing is deployed."
        yield "The bisection is ended."


@contextlib.contextmanager
def resetting(target: Target) -> Iterator[Reset]:
    """For the body, plan to end the bisection."""
    with sysroot.changing(target) as locked:
        found = state.require(sysroot.work_folder(locked))
        deployments = locked.get_deployments()
        ids = {f"{d.get_csum()}.{d.get_deployserial()}": d for d in reversed(deployments) if not d.is_staged()}
        start = ids.get(found.start)
        waits = start is not None and not start.equal(deployments[0])
        yield Reset(locked, found, start, switching.planned(target, locked, start) if waits else None)
