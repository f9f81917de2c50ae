# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree host`: a folder becomes a store, with what its owner decides once and for all."""

from __future__ import annotations

import argparse
from pathlib import Path

from ostree_layer.answer import Answer
from ostree_layer.hosting import hosting_words, keys, pruning, pushing, store, summary
from ostree_layer.hosting.act import Act, add_signing
from ostree_layer.hosting.means import Means


class Host(Act):
    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        text = "the folder; by default that of ostree.conf"
        parser.add_argument("folder", metavar="DIR", nargs="?", type=Path, help=text)
        add_signing(parser, "sign what is published by this GPG key; can be repeated")
        pruning.add_policy(parser)
        pushing.add_destinations(parser, "copy the store, whenever it changes,")

    @staticmethod
    def answer(means: Means, opts: argparse.Namespace) -> Answer:
        signing = keys.signing_of(opts)
        found = store.found(means.store(opts.folder))
        with found.locked(means.report):
            if signing:
                keys.adopt(found, signing)
            if opts.push_to:
                found.set(push_to=" ".join(opts.push_to))
            pruning.decide(found, pruning.policy_of(opts))
            summary.refresh(found)
        state = hosting_words.store_as_json(found)
        return Answer("store", lambda: state, hosting_words.store(found))
