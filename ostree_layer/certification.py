# SPDX-License-Identifier: GPL-2.0-or-later
"""Signed records beside a commit which say that a test passed on it.

A record is a JSON document and a detached GPG signature of it. Both are kept where the commit's signatures are: they
come with each pull, and are no part of the commit.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

from ostree_layer import beside, repo, signatures
from ostree_layer.errors import RepoError
from ostree_layer.ostree_gi import GLib, OSTree, translated
from ostree_layer.signatures import Keys
from ostree_layer.tree_model import Certification, Signature, SignatureCheck

KEY, TYPE = "ostree-layer.certifications", "a(ayay)"
VERSION = 1
# What a record quotes of a result, in bytes.
QUOTED = 64 * 1024
ELSEWHERE = "it is about another commit"


def document(checksum: str, name: str, content: bytes, tests: int | None) -> bytes:
    """A record that the result in a file of this name and content is good; written the same wherever it is written."""
    values = {
        "version": VERSION,
        "commit": checksum,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "result": "passed",
        "tests": tests,
        "file": name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "content": _quoted(content),
    }
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _quoted(content: bytes) -> str | None:
    """A result as text; None where it is none, or too long."""
    try:
        return content.decode() if len(content) <= QUOTED else None
    except UnicodeDecodeError:
        return None


def add(store: OSTree.Repo, checksum: str, record: bytes, key: str, home: str) -> bool:
    """Sign a record and keep it beside its commit; False where the same key has said the same before."""
    with translated(f"signing by the key {key}", RepoError, hint="--gpg-homedir=DIR names another GnuPG home"):
        signed = store.gpg_sign_data(GLib.Bytes.new(record), GLib.Bytes.new(b""), [key], home or None, None)[1]
    signature = signatures.joined(signed)
    new = _judged(store, checksum, record, signature, Keys())
    for old in (_judged(store, checksum, *pair, Keys()) for pair in _stored(store, checksum)):
        is_same = (old.file, old.sha256) == (new.file, new.sha256)
        if is_same and old.signature.key == new.signature.key and old.signature.verdict != "bad" and not old.problem:
            return False
    return beside.merge(store, checksum, {KEY: GLib.Variant(TYPE, [(record, signature)])})


def _stored(store: OSTree.Repo, checksum: str) -> Iterator[tuple[bytes, bytes]]:
    found = repo.beside(store, checksum).get(KEY)
    if found is not None and found.get_type_string() == TYPE:
        yield from ((bytes(record), bytes(signature)) for record, signature in found.unpack())


def read(store: OSTree.Repo, checksum: str, keys: Keys) -> tuple[Certification, ...]:
    """The records beside a commit, judged by what is known of keys."""
    return tuple(_judged(store, checksum, *pair, keys) for pair in _stored(store, checksum))


def results(store: OSTree.Repo, checksum: str) -> dict[str, str]:
    """What the records quote of results, by the SHA-256 that they name."""
    found = (_parsed(record) for record, _signature in _stored(store, checksum))
    return {str(values["sha256"]): values["content"] for values in found if isinstance(values.get("content"), str)}


def check(store: OSTree.Repo, checksum: str, keys: Keys) -> SignatureCheck:
    """`signatures.check`, with the records: whoever certified a commit is as good as whoever signed it."""
    found, records = signatures.check(store, checksum, keys), read(store, checksum, keys)
    good = [record.signature for record in records if record.is_good]
    missing = (
        key for key in found.absent if key not in keys.certified_by or not any(signatures.is_of(s, key) for s in good)
    )
    return dataclasses.replace(found, absent=tuple(missing), certifications=records)


def _judged(store: OSTree.Repo, checksum: str, record: bytes, signature: bytes, keys: Keys) -> Certification:
    values = _parsed(record)
    found = signatures.of_data(store, record, signature, keys)
    texts = {name: str(values.get(name, "")) for name in ("time", "file", "sha256")}
    tests = values.get("tests")
    return Certification(
        **texts,
        tests=tests if isinstance(tests, int) else None,
        signature=_strictest(found),
        problem=_problem(values, checksum),
    )


def _strictest(found: Iterable[Signature]) -> Signature:
    """Of the signatures of one record, of which there should be one: a good one, or any."""
    known = sorted(found, key=lambda one: one.verdict != "good")
    return known[0] if known else Signature("gpg", "", verdict="bad", reason="it cannot be read")


def _problem(values: dict[str, Any], checksum: str) -> str:
    """Why a record, whoever signed it, certifies nothing."""
    if values.get("version") != VERSION or values.get("result") != "passed":
        return "it is of a kind that is not known"
    return "" if values.get("commit") == checksum else ELSEWHERE


def _parsed(record: bytes) -> dict[str, Any]:
    """What a record says; nothing where it is none."""
    try:
        found = json.loads(record)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
