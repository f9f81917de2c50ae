# SPDX-License-Identifier: GPL-2.0-or-later
"""What is kept beside commits: signatures and the like, which more can be added to."""

from __future__ import annotations

from ostree_layer import repo
from ostree_layer.errors import RepoError
from ostree_layer.ostree_gi import GLib, OSTree, translated


def merge(store: OSTree.Repo, source: OSTree.Repo, checksum: str) -> bool:
    """Add to what the store has beside a commit what the source has more; return whether there was something.

    Of a list both have, entries are put together; of anything else, the store's is kept.
    """
    here, there = repo.beside(store, checksum), repo.beside(source, checksum)
    merged = {**there, **{key: _joined(value, there.get(key)) for key, value in here.items()}}
    if all(key in here and value.equal(here[key]) for key, value in merged.items()):
        return False
    with translated(f"writing what is beside commit {checksum[:12]}", RepoError):
        store.write_commit_detached_metadata(checksum, GLib.Variant("a{sv}", merged), None)
    return True


def _joined(here: GLib.Variant, there: GLib.Variant | None) -> GLib.Variant:
    if (
        there is None
        or here.get_type_string() != there.get_type_string()
        or not here.get_type_string().startswith("aa")
    ):
        return here
    rows = [here.get_child_value(index) for index in range(here.n_children())]
    others = (there.get_child_value(index) for index in range(there.n_children()))
    rows += [row for row in others if not any(row.equal(one) for one in rows)]
    return GLib.Variant.new_array(rows[0].get_type(), rows) if rows else here
