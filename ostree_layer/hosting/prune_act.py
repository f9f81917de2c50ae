# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree prune`: a store forgets what nobody is to fetch any more."""

from __future__ import annotations

import argparse
from pathlib import Path

from ostree_layer import ledger, sysroot
from ostree_layer.answer import Answer
from ostree_layer.hosting import hosting_words, pruning, pushing, store
from ostree_layer.hosting.act import Act
from ostree_layer.hosting.means import Means
from ostree_layer.model import Target


class Prune(Act):
    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        text = "the store; by default that of ostree.conf"
        parser.add_argument("folder", metavar="DIR", nargs="?", type=Path, help=text)
        pruning.add_policy(parser)
        pushing.add_destinations(parser, "then copy the store")
        parser.add_argument("--dry-run", action="store_true", help="only show what would go")

    @staticmethod
    def answer(means: Means, opts: argparse.Namespace) -> Answer:
        target = store.open_store(means.store(opts.folder))
        deployed = _deployed(means.host) if means.host else set()
        with target.locked(means.report):
            policy = pruning.policy_of(opts) or pruning.decided(target)
            plan = pruning.plan(target, policy, deployed)
            size = 0 if opts.dry_run else pruning.carry_out(target, plan, means.report)
        pushed = [] if opts.dry_run else pushing.push(target, opts.push_to, means.report)
        lines = [*hosting_words.pruned(plan, size, is_done=not opts.dry_run), *hosting_words.pushed(pushed)]
        return Answer("pruned", lambda: hosting_words.pruned_as_json(plan, size), lines)


def _deployed(host: Target) -> set[str]:
    """The commits of the host's deployments, and those that they are based on."""
    opened = sysroot.open_sysroot(host)
    commits = {deployment.get_csum() for deployment in opened.get_deployments()}
    return commits | {ledger.read_base(sysroot.repository(opened), checksum) for checksum in commits}
