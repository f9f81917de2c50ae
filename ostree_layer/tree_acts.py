# SPDX-License-Identifier: GPL-2.0-or-later
"""What `dnf tree` tells of the commits in a repository: each act with its arguments and its answer."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
from pathlib import Path

from ostree_layer import (
    certification,
    checkout,
    comparison,
    details,
    diff,
    fsck,
    packaged,
    repo,
    sysroot,
    tree_words,
    trees,
)
from ostree_layer.answer import COMMIT, Answer
from ostree_layer.compose import export
from ostree_layer.errors import RepoError
from ostree_layer.hosting import hosting_words, soundness
from ostree_layer.hosting.store import Store
from ostree_layer.model import Target
from ostree_layer.oci import encapsulation
from ostree_layer.ostree_gi import OSTree
from ostree_layer.report import Report
from ostree_layer.signatures import Keys
from ostree_layer.tree_model import Verification

UNCHANGED = 77


class Act:
    """One of the acts; all know --json."""

    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        raise NotImplementedError

    @staticmethod
    def answer(store: OSTree.Repo, opts: argparse.Namespace, report: Report) -> Answer:
        raise NotImplementedError


class List(Act):
    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help="also the refs that only keep commits")
        parser.add_argument("--no-sizes", action="store_true", help="do not add up the sizes")

    @staticmethod
    def answer(store: OSTree.Repo, opts: argparse.Namespace, report: Report) -> Answer:
        reader, refs = trees.Reader(store), trees.refs(store, internal=opts.all)
        found = [reader.read(checksum, ref, with_size=not opts.no_sizes) for ref, checksum in refs.items()]
        return Answer("trees", lambda: list(map(tree_words.tree_as_json, found)), tree_words.trees(found))


class Show(Act):
    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("commit", metavar=COMMIT, help="what to show")
        parser.add_argument("--packages", action="store_true", help="list all packages")

    @staticmethod
    def answer(store: OSTree.Repo, opts: argparse.Namespace, report: Report) -> Answer:
        found = details.read(store, trees.find(store, opts.commit), trees.ref_in(store, opts.commit))
        lines = tree_words.details(found, with_packages=opts.packages)
        return Answer("commit", lambda: tree_words.details_as_json(found), lines)


class Log(Act):
    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        text = "where to begin; on a host, by default, at the tree that it has booted, or boots next"
        parser.add_argument("commit", metavar=COMMIT, nargs="?", help=text)
        parser.add_argument("-n", "--limit", type=int, metavar="N", help="show no more than N commits")
        text = "show only commits that change one of these packages"
        parser.add_argument("--packages", nargs="+", default=(), metavar="NAME", help=text)

    @staticmethod
    def answer(store: OSTree.Repo, opts: argparse.Namespace, report: Report) -> Answer:
        if opts.limit is not None and opts.limit < 0:
            raise RepoError(f"--limit={opts.limit} is no number of commits")
        steps = itertools.islice(trees.log(store, _find(store, opts), opts.packages), opts.limit)
        lines = (line for step in steps for line in tree_words.step(step))
        return Answer("log", lambda: list(map(tree_words.step_as_json, steps)), lines)


class Diff(Act):
    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("old", metavar="OLD", help="the commit to compare with")
        parser.add_argument("new", metavar="NEW", help="the commit to compare")
        parser.add_argument("--files", action="store_true", help="compare the files too")
        parser.add_argument("--changelogs", action="store_true", help="show the changelogs of upgraded packages")
        parser.add_argument("--unchanged-exit-77", action="store_true", help="exit with status 77 if nothing differs")

    @staticmethod
    def answer(store: OSTree.Repo, opts: argparse.Namespace, report: Report) -> Answer:
        old, new = (trees.find(store, name) for name in (opts.old, opts.new))
        packages = diff.compare(checkout.require_packages(store, old), checkout.require_packages(store, new))
        found = comparison.compare(store, old, new, packages, files=opts.files, changelogs=opts.changelogs)
        status = UNCHANGED if opts.unchanged_exit_77 and not found else 0
        return Answer("diff", lambda: tree_words.comparison_as_json(found), tree_words.comparison(found), status)


class Verify(Act):
    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        text = "what to verify; without it the tree that a host has booted, or all of the repository of --repo"
        parser.add_argument("commit", metavar=COMMIT, nargs="?", help=text)
        parser.add_argument("--gpg-keyring", type=Path, metavar="FILE", help="the GPG keys to trust")
        text = "the GPG key that must have signed or certified it; can be repeated"
        parser.add_argument("--certified-by", action="append", default=[], metavar="KEYID", help=text)
        text = "the public key, in base64, that must have signed it; can be repeated"
        parser.add_argument("--ed25519-key", action="append", default=[], metavar="KEY", help=text)

    @staticmethod
    def answer(store: OSTree.Repo, opts: argparse.Namespace, report: Report) -> Answer:
        if opts.commit is None:
            return _soundness(store, report)
        remote = trees.ref_in(store, opts.commit).rpartition(":")[0]
        keys = Keys(opts.gpg_keyring, remote, tuple(opts.certified_by), tuple(opts.ed25519_key))
        found = verify(store, trees.find(store, opts.commit), keys, report)
        lines = tree_words.verification(found)
        return Answer("verification", lambda: tree_words.verification_as_json(found), lines, 0 if found.is_good else 1)


class Export(Act):
    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        text = "what to export; on a host, by default, the tree that it has booted, or boots next"
        parser.add_argument("commit", metavar=COMMIT, nargs="?", help=text)
        text = "write the tree as an image instead: oci:DIR[:TAG], oci-archive:FILE or docker://HOST/NAME[:TAG]"
        parser.add_argument("--oci", metavar="DEST", help=text)
        text = "write treefiles, files and lockfile.json into a folder, and print only what is not in it"
        parser.add_argument("--output-dir", type=Path, metavar="DIR", help=text)

    @staticmethod
    def answer(store: OSTree.Repo, opts: argparse.Namespace, report: Report) -> Answer:
        if opts.oci:
            return _export_image(store, opts, report)
        found = export.read(store, _find(store, opts))
        if opts.output_dir is None:
            return Answer("export", found.document, found.whole().splitlines())
        found.write(opts.output_dir)
        return Answer("export", found.document, found.notes)


def _export_image(store: OSTree.Repo, opts: argparse.Namespace, report: Report) -> Answer:
    if opts.output_dir is not None:
        raise RepoError("--oci and --output-dir are two ways to export a tree", hint="use one of them at a time")
    found = encapsulation.export(store, _find(store, opts), opts.oci, opts.network, report)
    line = f"{found.image}  {found.digest}  {found.layers} layers  {found.size / 1e6:.1f} MB"
    return Answer("image", lambda: dataclasses.asdict(found), [line])


def open_repo(at: Target | Path, opts: argparse.Namespace) -> OSTree.Repo:
    """The repository of a host, or the one at a path; on a host, what is booted stands for a commit that is not named.

    Where nothing is booted, that is what boots next.
    """
    if isinstance(at, Path):
        return repo.open_repo(at)
    opened = sysroot.open_sysroot(at)
    if getattr(opts, "commit", "") is None:
        opts.commit = sysroot.current(opened, at.stateroot)
    return sysroot.repository(opened)


def _find(store: OSTree.Repo, opts: argparse.Namespace) -> str:
    """The commit that the options name; `open_repo` has named one where there is one to be meant."""
    if opts.commit is None:
        raise RepoError(f"in a repository that is not a host's, 'dnf tree {opts.act}' needs a ref or commit")
    return trees.find(store, opts.commit)


def _soundness(store: OSTree.Repo, report: Report) -> Answer:
    """All of a repository."""
    found = soundness.look(Store(repo.path_of(store), store), report)
    lines = hosting_words.sound(found)
    return Answer("soundness", lambda: hosting_words.soundness_as_json(found), lines, 0 if found.is_good else 1)


def verify(store: OSTree.Repo, checksum: str, keys: Keys, report: Report) -> Verification:
    """Read all of a commit, ask who signed it, and, if it is whole, compare it with what its packages say."""
    if repo.is_partial(store, checksum):
        raise RepoError(f"commit {checksum} cannot be verified: only a part of it is here", hint=checkout.PULL_ALL)
    with report("Reading the objects"):
        objects, damaged = fsck.read_objects(store, checksum)
    with report("Verifying the signatures"):
        signed = certification.check(store, checksum, keys)
    with report("Comparing the files of packages"):
        found = None if damaged else packaged.check(store, checksum)
    return Verification(checksum, objects, damaged, signed, found)


ACTS: dict[str, type[Act]] = {"list": List, "show": Show, "log": Log, "diff": Diff, "verify": Verify, "export": Export}
