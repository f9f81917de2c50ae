# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree smoketest`: boot trees in virtual machines, and say whether they are well."""

from __future__ import annotations

import argparse
import dataclasses
import re
from pathlib import Path

from ostree_layer import checkout, repo, trees
from ostree_layer.answer import COMMIT, Answer
from ostree_layer.errors import DeployError, MachineError, RepoError, UnbootableError
from ostree_layer.hosting import certifying, keys, results, smoketest_report, smoketest_words, smoketests
from ostree_layer.hosting.act import Act, add_signing
from ostree_layer.hosting.means import Means
from ostree_layer.hosting.smoketest_report import Candidate
from ostree_layer.hosting.smoketest_words import Outcome
from ostree_layer.hosting.smoketests import Results
from ostree_layer.hosting.store import Signing, Store
from ostree_layer.vm import disk, emulator, trial
from ostree_layer.vm.emulator import Emulator
from ostree_layer.vm.probe import Probe

SECONDS = 300
TARGET = re.compile(r"[\w:.@\\][\w:.@\\-]*\.target")
# Checks have numbers of two digits.
MOST = 90


class Smoketest(Act):
    """Smoke-test commits of a store, or of any other repository."""

    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("commits", metavar=COMMIT, nargs="*", help="what to boot")
        add("--all", action="store_true", help="all refs, but for commits that were booted before")
        add("--again", action="store_true", help="with --all: boot those, too")
        add("--target", default="", help="what is to be reached; by default the tree's default.target")
        text = "a command that has to succeed in the tree, for its shell; can be repeated"
        add("--check", action="append", default=[], metavar="CMD", help=text)
        text = f"how long the target may take; {SECONDS} by default. The checks have as long again"
        add("--timeout", type=_seconds, default=SECONDS, metavar="SECONDS", help=text)
        add("--results", type=Path, metavar="DIR", help="where reports are kept; by default in the repository")
        add_signing(parser, "a GPG key that certifies what has passed; can be repeated")

    @staticmethod
    def answer(means: Means, opts: argparse.Namespace) -> Answer:
        path = means.store()
        store = Store(path, repo.open_repo(path))
        wanted, signing = _wanted(store, opts), keys.signing_of(opts)
        _require_sense(opts)
        machine = emulator.find()
        disk.require_tools()
        repo.require_writable(store.repo)
        kept = Results((opts.results or store.work / smoketests.RESULTS).absolute())
        kept.show()  # or fail before an hour's work
        tester = _Tester(means, opts, store, kept, machine)
        outcomes = [tester.certified(tester.test(tree), signing) for tree in wanted]
        if opts.results is None:
            kept.forget(lambda commit: not repo.has_commit(store.repo, commit))
        kept.show()
        status = 0 if all(outcome.passed for outcome in outcomes) else 1
        lines = smoketest_words.lines(outcomes, kept.folder)
        return Answer("smoketests", lambda: [smoketest_words.as_json(outcome) for outcome in outcomes], lines, status)


def _seconds(text: str) -> int:
    value = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= value <= 24 * 3600:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds, from 1 to a day's")
    return value


def _require_sense(opts: argparse.Namespace) -> None:
    if opts.target and not TARGET.fullmatch(opts.target):
        raise MachineError(f"{opts.target} is not the name of a target", hint="multi-user.target is one")
    if len(opts.check) > MOST:
        raise MachineError(f"no more than {MOST} checks can be run", hint="a check can be a script in the tree")


def _wanted(store: Store, opts: argparse.Namespace) -> list[Candidate]:
    """The trees to test, each once, under the first of their names."""
    if bool(opts.commits) == opts.all:
        raise RepoError("nothing says which trees to boot", hint="name refs or commits, or --all for all refs")
    refs = trees.refs(store.repo)
    if opts.all and not refs:
        raise RepoError(f"{store.path} has no refs", hint="'dnf tree publish' makes one")
    found: dict[str, Candidate] = {}
    for word in refs if opts.all else opts.commits:
        commit = trees.find(store.repo, word)
        version = repo.version(repo.load_commit(store.repo, commit))
        found.setdefault(commit, Candidate(trees.ref_in(store.repo, word), commit, version))
    return list(found.values())


@dataclasses.dataclass(frozen=True)
class _Tester:
    """Tests one tree after the other."""

    means: Means
    opts: argparse.Namespace
    store: Store
    results: Results
    emulator: Emulator

    def test(self, tree: Candidate) -> Outcome:
        probe = Probe(tree.commit, self.opts.target, self.opts.timeout, tuple(self.opts.check))
        known = self.results.read(tree.commit) if self.opts.all and not self.opts.again else None
        if known is not None and known.get("probe") == probe.digest():
            return Outcome(tree, known, self.results.page(tree.commit), is_new=False)
        if repo.is_partial(self.store.repo, tree.commit):
            problem = f"only a part of commit {tree.commit[:12]} is here\n({checkout.PULL_ALL})"
            return Outcome(tree, problem=problem)
        try:
            return self._boot(tree, probe)
        except (UnbootableError, DeployError, RepoError) as e:
            return Outcome(tree, problem=e.sentence())

    def _boot(self, tree: Candidate, probe: Probe) -> Outcome:
        with smoketests.workspace(self.store) as folder:
            with self.means.report(f"Installing commit {tree.commit[:12]} on a disk"):
                machine = disk.machine_of(self.store.repo, tree.commit, folder, probe.content())
            found = trial.attempt(machine, trial.Bench(self.emulator, folder, self.means.report), probe)
        report = smoketest_report.document(found, probe, tree)
        self.results.write(report, found)
        self.results.show()
        return Outcome(tree, report, self.results.page(tree.commit), console=found.console)

    def certified(self, outcome: Outcome, signing: Signing) -> Outcome:
        """The same, with a record beside the commit if it has passed and somebody signs that."""
        if not signing or not outcome.passed:
            return outcome
        result = results.read(self.results.report(outcome.tree.commit))
        done = certifying.certify(self.store, outcome.tree.commit, result, signing, self.means.report)
        words = tuple(certifying.words(outcome.tree.commit, result, done))
        return dataclasses.replace(outcome, certified_by=tuple(done), certified=words)
