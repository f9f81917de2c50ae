# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree certify`: a signed record that a commit has passed a test."""

from __future__ import annotations

import argparse
from pathlib import Path

from ostree_layer import repo, trees
from ostree_layer.answer import COMMIT, Answer
from ostree_layer.errors import RepoError
from ostree_layer.hosting import certifying, keys, results
from ostree_layer.hosting.act import Act, add_signing
from ostree_layer.hosting.means import Means
from ostree_layer.hosting.store import Store


class Certify(Act):
    """Certify a commit in a store, or in any other repository."""

    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("commit", metavar=COMMIT, help="what has passed")
        add("--result", required=True, type=Path, metavar="FILE", help='JUnit XML, or JSON with "passed"')
        text = "the GPG key that signs the record; by default, those that the store signs by; can be repeated"
        add_signing(parser, text)

    @staticmethod
    def answer(means: Means, opts: argparse.Namespace) -> Answer:
        path = means.store()
        store = Store(path, repo.open_repo(path))
        signing = keys.signing_of(opts) if opts.sign else store.signing
        keys.require_usable(signing)
        if not signing.keys:
            raise RepoError("nobody signs the record", hint="--sign=KEYID names the GPG key")
        found = results.read(opts.result)
        checksum = trees.find(store.repo, opts.commit)
        repo.require_writable(store.repo)
        done = certifying.certify(store, checksum, found, signing, means.report)
        value = {"commit": checksum, "file": found.name, "keys": done}
        return Answer("certified", lambda: value, certifying.words(checksum, found, done))
