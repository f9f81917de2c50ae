# SPDX-License-Identifier: GPL-2.0-or-later
"""Pushing: a store as it is, copied to where rsync reaches, in an order that holds for clients there at each moment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Sequence

from ostree_layer import process
from ostree_layer.errors import CommandError, RepoError
from ostree_layer.failpoint import failpoint
from ostree_layer.hosting.store import PUBLIC_KEY, Store
from ostree_layer.hosting.summary import ANNOUNCEMENTS, CURRENT, NAMES
from ostree_layer.report import Report

PROGRAM = "rsync"
BASIC = ("--recursive", "--links", "--times", "--chmod=D755,F644")
# What rsync and ssh need of the user's environment.
KEPT = ("HOME", "USER", "SSH_AUTH_SOCK", "RSYNC_RSH", "RSYNC_PASSWORD")


def add_destinations(parser: argparse.ArgumentParser, what: str) -> None:
    text = f"{what} to this folder, in rsync's words: a path, HOST:PATH or rsync://HOST/MODULE; can be repeated"
    parser.add_argument("--push-to", action="append", default=[], metavar="DEST", help=text)


def decided(store: Store) -> list[str]:
    """Where the store's owner wants it copied to."""
    return store.get("push_to").split()


def push(store: Store, destinations: Iterable[str], report: Report) -> list[str]:
    """Let each destination have all that the store's clients need; return their names.

    What names something comes after all that it names; what nothing names any more goes last.
    """
    done = []
    for destination in dict.fromkeys([*destinations, *decided(store)]):
        with store.locked(report), report(f"Copying to {destination}"):
            for number, options in enumerate(_steps()):
                _run([PROGRAM, *BASIC, *options, "--", f"{store.path}/", destination])
                failpoint(f"push::{number}")
        done.append(destination)
    return done


def _steps() -> Iterator[Sequence[str]]:
    content = ("/objects/***", "/deltas/***", "/delta-indexes/***")
    # Objects never change but for what is beside commits, so what is there need not be read.
    yield _only("/config", f"/{PUBLIC_KEY}", *content)
    yield [*_only("/refs/***"), "--delete-after"]
    yield _only(f"/{ANNOUNCEMENTS}", f"/{ANNOUNCEMENTS}/[0-9]*/***")
    yield _only(f"/{ANNOUNCEMENTS}", f"/{ANNOUNCEMENTS}/{CURRENT}")
    yield _only(*(f"/{name}" for name in NAMES))
    yield [*_only(*content), "--delete-after"]


def _only(*patterns: str) -> list[str]:
    return [*(f"--include={pattern}" for pattern in patterns), "--exclude=*"]


def _run(argv: Sequence[str]) -> None:
    try:
        process.run(argv, extra={name: os.environ[name] for name in KEPT if name in os.environ})
    except FileNotFoundError as e:
        raise RepoError(f"{PROGRAM} is not installed", hint="install it, and publish again") from e
    except CommandError as e:
        hint = "what is published there is as it was, or already as it is here: the same command goes on from there"
        raise RepoError(f"copying the store by {PROGRAM}: {e.stderr}", hint=hint) from e
