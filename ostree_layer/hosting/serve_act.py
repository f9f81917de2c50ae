# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree serve`: a store on this machine's loopback, to try things out."""

from __future__ import annotations

import argparse
from pathlib import Path

from ostree_layer.answer import Answer
from ostree_layer.errors import RepoError
from ostree_layer.hosting import serving, store
from ostree_layer.hosting.act import Act
from ostree_layer.hosting.means import Means


class Serve(Act):
    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        text = "the store; by default that of ostree.conf"
        parser.add_argument("folder", metavar="DIR", nargs="?", type=Path, help=text)
        text = f"the port to listen on ({serving.PORT}); 0 for any that is free"
        parser.add_argument("--port", type=int, default=serving.PORT, metavar="PORT", help=text)
        parser.add_argument("--ipv6", action="store_true", help="listen on ::1, and not on 127.0.0.1")

    @staticmethod
    def answer(means: Means, opts: argparse.Namespace) -> Answer:
        if opts.json:
            raise RepoError("'dnf tree serve' has nothing to report: it serves until it is ended")
        target = store.open_store(means.store(opts.folder))
        server = serving.Server(target.path, "::1" if opts.ipv6 else "127.0.0.1", opts.port)
        return Answer("served", lambda: {"url": server.url}, serving.lines(server))
