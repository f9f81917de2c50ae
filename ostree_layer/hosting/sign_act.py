# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree sign`: commits of a store, and its summary, get the signatures that they lack."""

from __future__ import annotations

import argparse

from ostree_layer import trees
from ostree_layer.answer import COMMIT, Answer
from ostree_layer.errors import RepoError
from ostree_layer.hosting import keys, store, summary
from ostree_layer.hosting.act import Act, add_signing
from ostree_layer.hosting.means import Means


class Sign(Act):
    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "commits", metavar=COMMIT, nargs="*", help="what to sign; by default what each ref leads to"
        )
        add_signing(parser, "sign by this GPG key, and not by those of the store; can be repeated")

    @staticmethod
    def answer(means: Means, opts: argparse.Namespace) -> Answer:
        target = store.open_store(means.store())
        signing = keys.signing_of(opts) or target.signing
        if not signing:
            hint = "--sign=KEYID names one, 'dnf tree host --sign=KEYID' gives the store one for good"
            raise RepoError(f"{target.path} has no key to sign with", hint=hint)
        with target.locked(means.report), means.report("Signing"):
            found = [trees.find(target.repo, name) for name in opts.commits] or trees.refs(target.repo).values()
            signed = [checksum for checksum in dict.fromkeys(found) if keys.sign(target, checksum, signing)]
            is_summary_signed = summary.refresh(target)
        lines = [f"Signed commit {checksum}." for checksum in signed]
        lines += ["Signed the summary."] if is_summary_signed and target.signing else []
        value = {"commits": signed, "summary": is_summary_signed, "keys": list(signing.keys)}
        return Answer("signed", lambda: value, lines or ["Nothing to do: all of it is signed."])
