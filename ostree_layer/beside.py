# SPDX-License-Identifier: GPL-2.0-or-later
"""What is kept beside commits: signatures and the like, which more can be added to."""

from __future__ import annotations

from ostree_layer import repo
from ostree_layer.errors import RepoError
from ostree_layer.metadata import Values
from ostree_layer.ostree_gi import GLib, OSTree, translated

# What begins like this is an array, and not a dictionary.
LISTS = ("aa", "a(")


def merge(store: OSTree.Repo, checksum: str, more: Values) -> bool:
    """Add to what is beside a commit; return whether there was something to add.

    Of lists of the same kind entries are put together; of anything else, what is there is kept.
    """
    here = repo.beside(store, checksum)
    merged = {**more, **{key: _joined(value, more.get(key)) for key, value in here.items()}}
    if all(key in here and value.equal(here[key]) for key, value in merged.items()):
        return False
    with translated(f"writing what is beside commit {checksum[:12]}", RepoError):
        store.write_commit_detached_metadata(checksum, GLib.Variant("a{sv}", merged), None)
    return True


def _joined(here: GLib.Variant, there: GLib.Variant | None) -> GLib.Variant:
    kind = here.get_type_string()
    if there is None or kind != there.get_type_string() or not kind.startswith(LISTS):
        return here
    rows = [here.get_child_value(index) for index in range(here.n_children())]
    others = (there.get_child_value(index) for index in range(there.n_children()))
    rows += [row for row in others if not any(row.equal(one) for one in rows)]
    return GLib.Variant.new_array(here.get_type().element(), rows)
