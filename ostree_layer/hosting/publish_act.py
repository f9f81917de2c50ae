# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree publish`: which tree, of which repository, under which name."""

from __future__ import annotations

import argparse
from pathlib import Path

from ostree_layer import choice, ledger, repo, sysroot, trees
from ostree_layer.answer import Answer
from ostree_layer.compose import export, recipe
from ostree_layer.errors import RepoError
from ostree_layer.hosting import hosting_words, publishing, pushing, store
from ostree_layer.hosting.act import Act
from ostree_layer.hosting.means import Means
from ostree_layer.ostree_gi import OSTree


class Publish(Act):
    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        text = "what to publish; on a host, also the tree of a deployment, by its number in 'dnf status'"
        add("commit", metavar="REF|COMMIT|:VERSION|N", help=text)
        add("folder", metavar="DIR", nargs="?", type=Path, help="the store; by default that of ostree.conf")
        add("--name", metavar="REF", help="the ref that is to lead to it")
        add("--set-version", default="", metavar="VERSION", help="the version of a tree that a host has made")
        add("--no-deltas", action="store_true", help="make no static deltas")
        pushing.add_destinations(parser, "then copy the store")
        add("--allow-older", action="store_true", help="publish a commit that is older than the one before it")

    @staticmethod
    def answer(means: Means, opts: argparse.Namespace) -> Answer:
        target = store.open_store(opts.folder or Path(means.settings.store))
        source, word = _source(means, target, opts.commit)
        checksum, ref = trees.find(source, word), opts.name or _name(source, word)
        local = ledger.read_local(source, checksum)
        found = recipe.values_of(export.of_host(source, local, opts.set_version)[0]) if local else {}
        options = {"with_deltas": not opts.no_deltas, "may_be_older": opts.allow_older}
        order = publishing.Order(source, checksum, ref, found, opts.set_version, **options)
        done = publishing.publish(target, order, means.report)
        pushed = pushing.push(target, opts.push_to, means.report)
        lines = hosting_words.published(done, target.path, pushed)
        return Answer("published", lambda: hosting_words.published_as_json(done, pushed), lines)


def _source(means: Means, target: store.Store, word: str) -> tuple[OSTree.Repo, str]:
    """The repository that has what is to be published, and what it is there.

    That repository is the one of --repo, or that of the host, or else the store.
    """
    if means.repo is not None:
        return repo.open_repo(means.repo), word
    if means.host is None:
        return target.repo, word
    host = sysroot.open_sysroot(means.host)
    found = sysroot.repository(host)
    if choice.is_index(word):
        return found, choice.find(host, means.host.stateroot, word).get_csum()
    is_in_store_only = word in repo.refs(target.repo) and word not in repo.refs(found)
    return (target.repo if is_in_store_only else found), word


def _name(source: OSTree.Repo, word: str) -> str:
    """The name under which what `word` names is published, unless the user has another one: that of the ref."""
    found = trees.ref_in(source, word).rpartition(":")[2]
    if not found or found.startswith(trees.INTERNAL):
        raise RepoError(f"{word} is no ref that others could know", hint="--name=REF gives it a name")
    return found
