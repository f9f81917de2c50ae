# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree mirror`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ostree_layer import repo
from ostree_layer.answer import Answer
from ostree_layer.errors import RepoError
from ostree_layer.hosting import mirror, store, upstream
from ostree_layer.hosting.act import Act
from ostree_layer.hosting.means import Means
from ostree_layer.hosting.mirror import Mirrored, Wanted
from ostree_layer.hosting.store import Store


class Mirror(Act):
    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        where = "the address of the store to copy, before the folder; or the folder alone, to go on with a mirror"
        parser.add_argument("where", metavar="URL|DIR", help=where)
        words = "the folder, if there is an address; and refs, or patterns of refs, where not all are wanted"
        parser.add_argument("words", metavar="DIR|REF|PATTERN", nargs="*", help=words)
        depth = "how many commits before the newest of each ref; all, if it is not given"
        parser.add_argument("--depth", type=_depth, metavar="N", help=depth)
        key = "a file with the GPG keys that must have signed the commits, and the summary if it is signed"
        parser.add_argument("--gpgkey", type=Path, metavar="FILE", help=key)

    @staticmethod
    def answer(means: Means, opts: argparse.Namespace) -> Answer:
        url, words = (opts.where, opts.words) if "://" in opts.where else ("", [opts.where, *opts.words])
        folder, patterns = means.store(Path(words[0]) if words else None), words[1:]
        if url:
            upstream.require_url(url)
        found = store.found(folder) if url else store.open_store(folder)
        if not (url or upstream.url(found.repo)):
            hint = f"'dnf tree mirror URL {folder}' makes it one"
            raise RepoError(f"{folder} is no mirror of another store", hint=hint)
        with found.locked(means.report):
            _prepare(found, url, opts)
            wanted = mirror.decide(found, patterns, opts.depth, is_checked=opts.gpgcheck is not False)
            with means.pulling() as progress:
                done = mirror.run(found, wanted, progress, means.network)
        return Answer("mirror", lambda: _value(found, wanted, done), _lines(found, wanted, done))


def _depth(word: str) -> int:
    if not word.isdigit():
        raise argparse.ArgumentTypeError(f"{word} is no number from 0 up")
    return int(word)


def _prepare(found: Store, url: str, opts: argparse.Namespace) -> None:
    if url:
        upstream.follow(found.repo, url, is_signed=opts.gpgkey is not None)
    if opts.gpgkey is not None:
        upstream.trust(found.repo, opts.gpgkey)


def _value(found: Store, wanted: Wanted, done: Mirrored) -> dict[str, Any]:
    rows = [{"ref": ref, "old": old or None, "new": new} for ref, (old, new) in sorted(done.refs.items())]
    return {
        "path": str(found.path),
        "url": upstream.url(found.repo),
        "patterns": list(wanted.patterns),
        "verified": done.is_verified,
        "summary_signed": done.has_signed_summary,
        "refs": rows,
        "removed": list(done.removed),
        "gone": list(done.gone),
        "bytes": done.size,
    }


def _lines(found: Store, wanted: Wanted, done: Mirrored) -> Iterator[str]:
    moved = {ref: pair for ref, pair in sorted(done.refs.items()) if pair[0] != pair[1]}
    for ref, (old, new) in moved.items():
        version = repo.version(repo.load_commit(found.repo, new))
        yield f"{ref}: commit {new[:12]}{f' ({version})' if version else ''}, {f'was {old[:12]}' if old else 'new'}."
    yield from (f"{ref}: removed, as upstream has removed it." for ref in done.removed)
    yield from (f"{ref}: upstream has it no more; it stays here as it was." for ref in done.gone)
    yield _signatures(wanted, done)
    yield f"{found.path}: {len(done.refs)} refs of {upstream.url(found.repo)}, {len(moved)} moved, {_size(done.size)}."


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB downloaded" if size else "nothing downloaded"


def _signatures(wanted: Wanted, done: Mirrored) -> str:
    if not wanted.is_checked:
        return "Signatures were not verified, because of --nogpgcheck."
    if not done.is_verified:
        return "Signatures were not verified: no key is known; --gpgkey=FILE names some."
    summary = "the summary and all commits" if done.has_signed_summary else "all commits; the summary is not signed"
    return f"Signatures are good: of {summary}."
