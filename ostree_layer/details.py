# SPDX-License-Identifier: GPL-2.0-or-later
"""All that is to be said of one commit."""

from __future__ import annotations

from ostree_layer import certification, metadata, repo
from ostree_layer.ostree_gi import GLib, OSTree
from ostree_layer.signatures import Keys
from ostree_layer.tree_model import Details
from ostree_layer.trees import SIZES, Reader

# What is said of a commit under names of its own.
SAID = ("version", metadata.PKGLIST, SIZES)
LONG = 200


def read(store: OSTree.Repo, checksum: str, ref: str) -> Details:
    commit = repo.load_commit(store, checksum)
    values = repo.metadata(commit)
    others = {key: value for key, value in values.items() if key not in SAID and not key.startswith(metadata.OURS)}
    signed = certification.check(store, checksum, Keys())
    return Details(
        tree=Reader(store).read(checksum, ref),
        content_checksum=repo.content_of(commit),
        parent=OSTree.commit_get_parent(commit) or "",
        subject=commit.get_child_value(3).get_string(),
        local=metadata.parse_local(values),
        signatures=signed.signatures,
        certifications=signed.certifications,
        results=certification.results(store, checksum),
        others={key: _as_text(value) for key, value in sorted(others.items())},
    )


def _as_text(value: GLib.Variant) -> str:
    text = str(value.print_(False))
    return text if len(text) <= LONG else f"{value.get_type_string()}, {value.get_size()} bytes"
