# SPDX-License-Identifier: GPL-2.0-or-later
"""Signed records about commits of a store, made of results of tests."""

from __future__ import annotations

from collections.abc import Iterator

from ostree_layer import certification
from ostree_layer.hosting.results import Result
from ostree_layer.hosting.store import Signing, Store
from ostree_layer.report import Report


def certify(store: Store, checksum: str, result: Result, signing: Signing, report: Report) -> dict[str, bool]:
    """Record, signed by each key, that a commit has passed; return for each whether it had not said so before."""
    record = certification.document(checksum, result.name, result.content, result.tests)
    with store.locked(report):
        return {key: certification.add(store.repo, checksum, record, key, signing.home) for key in signing.keys}


def words(checksum: str, result: Result, done: dict[str, bool]) -> Iterator[str]:
    for key, is_new in done.items():
        if is_new:
            yield f"Certified commit {checksum[:12]}: {result.name}, by {key}."
        else:
            yield f"Commit {checksum[:12]} is certified already: {result.name}, by {key}."
