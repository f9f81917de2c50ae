# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said after something in a store has changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ostree_layer.hosting.reports import Pruned, Published
from ostree_layer.hosting.store import PUBLIC_KEY, Store


def store(found: Store) -> Iterator[str]:
    yield f"{found.path} is a store of trees."
    for key in found.signing.keys:
        yield f"What is published there is signed by {key}; clients find its public half in {PUBLIC_KEY}."


def store_as_json(found: Store) -> dict[str, Any]:
    policy = {key: found.get(key) for key in ("keep", "keep_days", "keep_version", "push_to")}
    return {"path": str(found.path), "signed_by": list(found.signing.keys), **policy}


def published(done: Published, where: Path, copies: Iterable[str]) -> Iterator[str]:
    what = f"commit {done.checksum[:12]}" + (f" ({done.version})" if done.version else "")
    if not done.is_new:
        yield f"Nothing to do: {done.ref} in {where} is {what} already."
    else:
        yield f"{done.ref} in {where} is now {what}."
    for old in done.deltas:
        yield f"There is a static delta from commit {old[:12]}."
    yield from pushed(copies)


def published_as_json(done: Published, copies: Iterable[str]) -> dict[str, Any]:
    return {**dataclasses.asdict(done), "copies": list(copies)}


def pushed(copies: Iterable[str]) -> Iterator[str]:
    for destination in copies:
        yield f"{destination} is a copy of it now."


def pruned(found: Pruned, size: int, *, is_done: bool) -> Iterator[str]:
    for checksum in found.deployed:
        yield f"Commit {checksum} stays: it is deployed on this host."
    for checksum in found.removed:
        yield f"Commit {checksum} {'is' if is_done else 'would be'} removed."
    if not found.removed:
        yield "Nothing to do: no commit is to go."
    elif is_done:
        yield f"Freed {size / 1e6:.1f} MB." if size >= 100_000 else f"Freed {size} bytes."


def pruned_as_json(found: Pruned, size: int) -> dict[str, Any]:
    return {**dataclasses.asdict(found), "freed": size}
