# SPDX-License-Identifier: GPL-2.0-or-later
"""What the acts that change stores have in common."""

from __future__ import annotations

import argparse

from ostree_layer.answer import Answer
from ostree_layer.hosting.means import Means


class Act:
    """One of the acts; all know --json."""

    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        raise NotImplementedError

    @staticmethod
    def answer(means: Means, opts: argparse.Namespace) -> Answer:
        raise NotImplementedError


def add_signing(parser: argparse.ArgumentParser, what: str) -> None:
    """The options that name keys to sign with."""
    parser.add_argument("--sign", action="append", default=[], metavar="KEYID", help=what)
    parser.add_argument("--gpg-homedir", metavar="DIR", help="the GnuPG home that the key is in")
