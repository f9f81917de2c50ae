# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said after something in a store has changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ostree_layer.hosting.reports import Pruned, Published, Soundness
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


def sound(found: Soundness) -> Iterator[str]:
    """What there is to say of a store that was looked at."""
    yield f"{found.commits} commits and {found.objects} objects read."
    for words in found.damaged.values():
        yield f"Damaged: {words}"
    for checksum in found.incomplete:
        yield f"Incomplete: commit {checksum}"
    for old, new in found.deltas:
        yield f"Damaged: the static delta from {old[:12] or 'nothing'} to {new[:12]}"
    for ref in found.refs:
        yield f"Wrong: {ref} leads to a commit that is gone"
    for words in found.others:
        yield f"Wrong: {words}"
    yield "All of it is sound." if found.is_good else "'dnf tree repair' removes what is damaged."


def repaired(found: Soundness) -> Iterator[str]:
    *lines, last = sound(found)
    yield from lines
    yield last if found.is_good else "What was damaged is removed, and the summary says what there is."
    for ref in found.refs:
        yield f"There is no {ref} any more."
    if found.incomplete or found.refs:
        yield "Publish or mirror these commits again: what is missing of them is brought anew."


def soundness_as_json(found: Soundness) -> dict[str, Any]:
    values = {**dataclasses.asdict(found), "damaged": sorted(found.damaged.values()), "good": found.is_good}
    return values
