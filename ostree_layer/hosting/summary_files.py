# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of a summary, replaced so that its clients never see it without its signature.

A client reads `summary.sig` and then `summary`. So the signatures of both come first, then the new summary, and then
its signatures alone. Where there were none, they come last: clients know a summary again by its signatures.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from ostree_layer import files
from ostree_layer.failpoint import failpoint
from ostree_layer.ostree_gi import GLib

SUMMARY, SIGNATURES = "summary", "summary.sig"
MANY = GLib.VariantType("aay")


def put(path: Path, summary: bytes, signatures: bytes) -> None:
    """Replace the summary in the repository at path, with its signatures, empty where it is not signed."""
    former = {name: _content(path / name) for name in (SUMMARY, SIGNATURES)}
    if former == {SUMMARY: summary, SIGNATURES: signatures}:
        return
    if former[SIGNATURES] and signatures and former[SUMMARY] != summary:
        files.replace(path / SIGNATURES, merged(former[SIGNATURES], signatures))
        failpoint("summary::signed")
    files.replace(path / SUMMARY, summary)
    failpoint("summary::replaced")
    if signatures:
        files.replace(path / SIGNATURES, signatures)
    else:
        (path / SIGNATURES).unlink(missing_ok=True)


def merged(one: bytes, other: bytes) -> bytes:
    """The signatures of both."""
    found: dict[str, list[GLib.Variant]] = {}
    for content in (one, other):
        kinds = GLib.Variant.new_from_bytes(GLib.VariantType("a{sv}"), GLib.Bytes.new(content), False)
        for index in range(kinds.n_children()):
            entry = kinds.get_child_value(index)
            rows = entry.get_child_value(1).get_variant()
            if rows.is_of_type(MANY):
                known = found.setdefault(entry.get_child_value(0).get_string(), [])
                known += [rows.get_child_value(number) for number in range(rows.n_children())]
    arrays = {name: GLib.Variant.new_array(GLib.VariantType("ay"), rows) for name, rows in found.items()}
    return bytes(GLib.Variant("a{sv}", arrays).get_data_as_bytes().get_data())


def _content(path: Path) -> bytes:
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    return b""
