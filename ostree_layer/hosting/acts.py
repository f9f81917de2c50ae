# SPDX-License-Identifier: GPL-2.0-or-later
"""The acts of `dnf tree` that change something in stores: each with its arguments and its answer."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ostree_layer.answer import Answer
from ostree_layer.hosting import certify_acts, remote_acts, store
from ostree_layer.hosting.means import Means


class Act:
    """One of the acts; all know --json."""

    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        raise NotImplementedError

    @staticmethod
    def answer(means: Means, opts: argparse.Namespace) -> Answer:
        raise NotImplementedError


class Host(Act):
    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "folder", metavar="DIR", nargs="?", type=Path, help="the folder; by default that of ostree.conf"
        )

    @staticmethod
    def answer(means: Means, opts: argparse.Namespace) -> Answer:
        path = means.store(opts.folder)
        store.found(path)
        return Answer("store", lambda: {"path": str(path)}, [f"{path} is a store of trees."])


ACTS: dict[str, Any] = {"host": Host, "remote": remote_acts.Act, "certify": certify_acts.Act}
