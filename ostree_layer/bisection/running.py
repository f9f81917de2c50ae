# SPDX-License-Identifier: GPL-2.0-or-later
"""A bisection without a reboot: a command in each candidate's tree, and then in trees inside the first bad commit."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple

from ostree_layer import deploy, staging, sysroot
from ostree_layer.bisection import candidates, results, state, verdicts, words
from ostree_layer.bisection.candidates import Way
from ostree_layer.bisection.culprit import Between, Change, named
from ostree_layer.bisection.search import GOOD, Search
from ostree_layer.bisection.state import Bisection, Commit, name
from ostree_layer.bisection.verdicts import Tester
from ostree_layer.destination import Finder, Terms
from ostree_layer.downloads import Progress
from ostree_layer.errors import HostError, MachineError
from ostree_layer.failpoint import failpoint
from ostree_layer.model import Settings, Target
from ostree_layer.ostree_gi import OSTree

# Of what no package has, so many paths are named.
PATHS = 12


class Means(NamedTuple):
    """What a run is told and given: what a tree has to be, how a pull is shown, and where lines go."""

    terms: Terms
    progress: Callable[[], AbstractContextManager[Progress]]
    say: Callable[[str], None]


@contextlib.contextmanager
def opened(target: Target, settings: Settings) -> Iterator[OSTree.Sysroot]:
    """Lock the sysroot for the body; what that leaves is removed later."""
    with sysroot.changing(target) as locked:
        staging.sweep(sysroot.work_folder(locked))
        yield locked
    deploy.clean_up_later(target, settings.history)


class Runner:
    """Tests commits of a host's tree by a command."""

    def __init__(self, target: Target, locked: OSTree.Sysroot, means: Means, tester: Tester, argv: list[str]) -> None:
        self._locked, self._means, self._tester, self._say = locked, means, tester, means.say
        self._store, self._work = sysroot.repository(locked), sysroot.work_folder(locked)
        stateroot = sysroot.require_stateroot(locked, target.stateroot)
        self._start = sysroot.find_booted(locked) or sysroot.base_deployment(locked, stateroot)
        self._argv, self._has_run = argv, False

    def run(self, ends: tuple[str, ...]) -> None:
        """Find the first bad commit between the two ends, or go on with what is kept; then the change in it."""
        found = self._begun(ends) if ends else state.require(self._work)
        while found.candidate:
            found = self._test(found)
            state.write(self._work, found)
            failpoint("bisection::tested")
        with self._means.progress() as tell:
            fetch = candidates.fetcher(self._finder(tell), found)
            lines = list(results.lines(self._store, found, fetch))
        for line in lines:
            self._say(line)
        for line in self._inside(found):
            self._say(line)

    def _begun(self, ends: tuple[str, ...]) -> Bisection:
        with self._means.progress() as tell:
            terms = self._means.terms
            made = candidates.begun(self._locked, self._start, Way(tell, terms.network, terms.is_offline), ends)
        state.write(self._work, made)
        return made

    def _bring(self, bisection: Bisection, commit: Commit) -> str:
        with self._means.progress() as tell:
            candidates.bring(self._finder(tell), bisection, commit)
        return commit.checksum

    def _finder(self, tell: Progress) -> Finder:
        return Finder(self._store, self._start, tell, self._means.terms)

    def _test(self, bisection: Bisection) -> Bisection:
        commit = bisection.find(bisection.candidate)
        assert commit is not None
        what = f"commit {name(commit)}"
        self._say(f"Testing {what}: {words.remaining(bisection.search)}.")
        self._bring(bisection, commit)
        verdict = self._verdict(commit.checksum, what, bisection)
        self._say(words.judged(f"Commit {name(commit)}", verdict))
        return bisection.judged(commit, verdict)

    def _verdict(self, checksum: str, what: str, bisection: Bisection) -> str:
        try:
            status = self._tester(checksum)
        except MachineError as e:
            hint = "; ".join(filter(None, [e.hint, "'dnf bisect bad' or 'dnf bisect skip' with its name goes past it"]))
            raise MachineError(f"{what} does not boot: {e}", hint=hint) from e
        if status in verdicts.NOT_RUN and not self._has_run:
            self._require_command(status, bisection)
        self._has_run = True
        return verdicts.of(status)

    def _require_command(self, status: int, bisection: Bisection) -> None:
        """What is not in the good tree either says nothing about the bad ones."""
        if self._tester(self._bring(bisection, bisection.commits[0])) == status:
            hint = "it has to be in the trees, or in the folder that dnf is started in, where it begins"
            first = name(bisection.commits[0])
            raise HostError(f"'{shlex.join(self._argv)}' cannot be run in the good commit {first} either", hint=hint)

    def _inside(self, bisection: Bisection) -> Iterator[str]:
        """Look for the package change, and tell what is found."""
        good, bad = (self._bring(bisection, commit) for commit in (bisection.good, bisection.bad))
        between = Between(self._store, good, bad)
        count, before = len(between.changes), name(bisection.good)
        if not count:
            yield from _of_nobody(between.others())
            return
        search = Search(0, count)
        while (number := search.following()) is not None:
            what = f"{before} with {number} of {words.counted(count, 'package change')}"
            self._say(f"Testing {what}: {words.remaining(search, 'change')}.")
            verdict = self._verdict(between.tree(number), what, bisection)
            self._say(words.judged("That", verdict))
            search = search.judged(number, verdict)
        if search.suspects == [count] and (others := between.others()):
            what = f"{before} with all package changes, and the other files as they were"
            self._say(f"Testing {what}.")
            verdict = self._verdict(between.tree(count), what, bisection)
            self._say(words.judged("That", verdict))
            if verdict == GOOD:
                yield "With all its package changes the good tree is not bad."
                yield from _of_nobody(others)
                return
        yield from _culprit([between.changes[number - 1] for number in search.suspects])


def _culprit(changes: list[Change]) -> Iterator[str]:
    if len(changes) == 1:
        yield f"The culprit is {changes[0]}."
    else:
        yield "The culprit is one of these; the trees between them could not be tested:"
        yield from named(changes)


def _of_nobody(paths: list[str]) -> Iterator[str]:
    yield "The fault is in files that no package that has changed has:" if paths else "The trees have the same files."
    yield from (f"  {path}" for path in paths[:PATHS])
    if len(paths) > PATHS:
        yield f"  and {len(paths) - PATHS} more: 'dnf tree diff --files' has them"
