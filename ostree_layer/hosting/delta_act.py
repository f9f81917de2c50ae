# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree delta`: static deltas beyond those that publishing makes."""

from __future__ import annotations

import argparse

from ostree_layer import repo, trees
from ostree_layer.answer import COMMIT, Answer
from ostree_layer.errors import RepoError
from ostree_layer.hosting import deltas, store, summary
from ostree_layer.hosting.act import Act
from ostree_layer.hosting.means import Means
from ostree_layer.ostree_gi import OSTree


class Delta(Act):
    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("commits", metavar=COMMIT, nargs="+", help="OLD and NEW; or NEW alone, after the one before it")
        add("--from-nothing", action="store_true", help="for clients that have no tree yet")

    @staticmethod
    def answer(means: Means, opts: argparse.Namespace) -> Answer:
        target = store.open_store(means.store())
        *olds, new = (trees.find(target.repo, name) for name in opts.commits)
        if len(olds) > 1 or (olds and opts.from_nothing):
            raise RepoError("a delta is from one commit to another one")
        old = deltas.NOTHING if opts.from_nothing else (olds or [_before(target, new)])[0]
        with target.locked(means.report):
            with means.report("Making the static delta"):
                is_new = deltas.make(target, old, new)
            summary.refresh(target)
        pair = f"from {f'commit {old[:12]}' if old else 'nothing'} to commit {new[:12]}"
        line = f"There is a static delta {pair}." if is_new else f"Nothing to do: there is a static delta {pair}."
        return Answer("delta", lambda: {"from": old or None, "to": new, "is_new": is_new}, [line])


def _before(target: store.Store, new: str) -> str:
    parent = OSTree.commit_get_parent(repo.load_commit(target.repo, new))
    if parent is None:
        raise RepoError(f"there is no commit before {new[:12]}", hint="name OLD and NEW, or say --from-nothing")
    return str(parent)
