# SPDX-License-Identifier: GPL-2.0-or-later
"""What a composed commit says about itself, and what is read of it by the next compose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ostree_layer import advisories, metadata, repo
from ostree_layer.compose import recipe
from ostree_layer.compose.composed import Composed
from ostree_layer.errors import CommitError, ComposeError
from ostree_layer.metadata import INITRAMFS_ARGUMENTS, PKGLIST, Values
from ostree_layer.ostree_gi import Gio, GLib, OSTree, translated
from ostree_layer.treefile import rendering

INPUTS = "rpmostree.inputhash"
REPOSITORIES = "rpmostree.rpmmd-repos"
# Where those who make container images of trees look for it.
CONTAINER_COMMAND = "ostree.container-cmd"


def render(composed: Composed, tree: Any, below: Values, more: Mapping[str, Any]) -> Values:
    """The metadata of the commit; `below` is that of its base; `more` is what the user adds, and has the last word."""
    values: Values = {
        PKGLIST: metadata.packages_variant(composed.packages),
        INPUTS: GLib.Variant("s", composed.inputs),
        **recipe.render(composed, tree, rendering.as_json(recipe.public(tree.values)), below),
    }
    if composed.version:
        values["version"] = GLib.Variant("s", composed.version)
    if composed.former is not None:
        values[metadata.DIFF] = metadata.diff_variant(composed.changes)
    if tree["initramfs-args"]:
        values[INITRAMFS_ARGUMENTS] = GLib.Variant("as", tree["initramfs-args"])
    if tree["container-cmd"]:
        values[CONTAINER_COMMAND] = GLib.Variant("as", tree["container-cmd"])
    values.update(_said(composed, tree, "inline"))
    added = {**tree["add-commit-metadata"], **more}
    return {**values, **{name: variant(value, name) for name, value in added.items()}}


def _said(composed: Composed, tree: Any, where: str) -> Values:
    """What the treefile wants in one place, in the commit or beside it."""
    values: Values = {}
    if tree["repo-metadata"] == where:
        values.update(repositories(composed))
    if tree["advisories-metadata"] == where and composed.advisories:
        values[advisories.KEY] = advisories.as_variant(composed.advisories)
    return values


def repositories(composed: Composed) -> Values:
    """Where the packages came from; numbers in composed commits are big-endian, as rpm-ostree writes them."""
    rows = [
        {"id": GLib.Variant("s", name), "timestamp": GLib.Variant("t", _big_endian(timestamp))}
        for name, timestamp in composed.repositories
    ]
    return {REPOSITORIES: GLib.Variant("aa{sv}", rows)}


def _big_endian(number: int) -> int:
    return int.from_bytes(number.to_bytes(8, "big"), "little")


def variant(value: Any, name: str) -> GLib.Variant:
    """A value of YAML or JSON, in the types that json-glib chooses."""
    if isinstance(value, bool):
        return GLib.Variant("b", value)
    if isinstance(value, int):
        return GLib.Variant("x", value)
    if isinstance(value, float):
        return GLib.Variant("d", value)
    if isinstance(value, str):
        return GLib.Variant("s", value)
    if isinstance(value, (list, tuple)):
        return GLib.Variant("av", [variant(item, name) for item in value])
    if isinstance(value, Mapping):
        return GLib.Variant("a{sv}", {str(key): variant(item, name) for key, item in value.items()})
    raise ComposeError(f"the metadata {name} has a value that a commit cannot hold: {value}")


def write(store: OSTree.Repo, tree: OSTree.MutableTree, values: Values, parent: str | None, time: int) -> str:
    """Write tree and its commit in the transaction that store is in, and return the commit's checksum."""
    root = store.write_mtree(tree, None)[1]
    stored = GLib.VariantDict.new(GLib.Variant("a{sv}", values))
    if _has_kernel(root):
        OSTree.commit_metadata_for_bootable(root, stored, None)
    checksum = store.write_commit_with_time(parent, None, None, stored.end(), root, time, None)[1]
    return str(checksum)


def _has_kernel(root: OSTree.RepoFile) -> bool:
    modules = root.resolve_relative_path("usr/lib/modules")
    if not modules.query_exists(None):
        return False
    found = modules.enumerate_children("standard::name", Gio.FileQueryInfoFlags.NOFOLLOW_SYMLINKS, None)
    return any(modules.get_child(info.get_name()).get_child("vmlinuz").query_exists(None) for info in found)


def complete(store: OSTree.Repo, checksum: str, composed: Composed, tree: Any) -> None:
    """Add to a commit what is not part of it: signatures, and metadata that the treefile wants beside it."""
    with translated(f"completing commit {checksum[:12]}", CommitError):
        beside = _said(composed, tree, "detached")
        if beside:
            store.write_commit_detached_metadata(checksum, GLib.Variant("a{sv}", beside), None)
        if tree["gpg-key"]:
            store.sign_commit(checksum, tree["gpg-key"], None, None)


def inputs_of(commit: GLib.Variant) -> str:
    """The digest of what a commit was made of; empty where it does not say."""
    found = repo.metadata(commit).get(INPUTS)
    return "" if found is None else str(found.unpack())
