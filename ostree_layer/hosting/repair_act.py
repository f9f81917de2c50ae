# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree repair`: what is damaged in a store goes, and what is missing is brought anew."""

from __future__ import annotations

import argparse
from pathlib import Path

from ostree_layer.answer import Answer
from ostree_layer.hosting import hosting_words, soundness, store
from ostree_layer.hosting.act import Act
from ostree_layer.hosting.means import Means


class Repair(Act):
    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        text = "the store; by default that of ostree.conf"
        parser.add_argument("folder", metavar="DIR", nargs="?", type=Path, help=text)

    @staticmethod
    def answer(means: Means, opts: argparse.Namespace) -> Answer:
        target = store.open_store(means.store(opts.folder))
        with target.locked(means.report):
            found = soundness.look(target, means.report)
            if not found.is_good:
                soundness.repair(target, found)
        lines = hosting_words.repaired(found)
        return Answer("repaired", lambda: hosting_words.soundness_as_json(found), lines)
