# SPDX-License-Identifier: GPL-2.0-or-later
"""The recipe of a tree: all that its commit says of how to compose it again."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ostree_layer.compose.composed import Composed
from ostree_layer.metadata import OURS, Values
from ostree_layer.ostree_gi import GLib
from ostree_layer.treefile import files

TREEFILE = OURS + "treefile"
BASE = OURS + "composed-on"
STANDING = OURS + "standing"
FILES = OURS + "files"
DIGESTS = OURS + "digests"
LAYERS = OURS + "layers"
KEPT_IDS = OURS + "kept-ids"
EPOCH = OURS + "epoch"
# A file beside a treefile that is larger than this, in bytes, is not kept: commits are pulled as a whole.
LARGEST = 1 << 20
# Options of repositories that are nobody's business.
SECRETS = ("username", "password", "proxy_username", "proxy_password")
CREDENTIALS = re.compile(r"//[^/@\s]*@")


class Level(NamedTuple):
    """A merged treefile, the version of the tree that was composed from it, and whether that took ids from before."""

    treefile: dict[str, Any]
    version: str
    has_kept_ids: bool


class File(NamedTuple):
    content: bytes
    is_program: bool


class Recipe(NamedTuple):
    """`levels` begins with the tree's own; each stands on the next one, or the last one on `base`, if that is a commit.

    `files` and `layers` are by the names that the treefiles have for them, `digests` by NEVRA.
    """

    levels: list[Level]
    base: str
    files: dict[str, File]
    digests: dict[str, str]
    layers: dict[str, str]
    epoch: int | None


def render(composed: Composed, tree: Any, text: str, below: Values) -> Values:
    """The metadata that `parse` reads; `text` is the treefile in JSON, `below` that of what the tree stands on."""
    is_member = bool(composed.base) and not tree["base-refspec"] and TREEFILE in below
    under = parse(below) if is_member else None
    digests = {package.nevra: package.digest for package in composed.coming}
    held, layers = dict(_files(tree)), dict(composed.layers)
    levels = [Level(json.loads(text), composed.version, composed.has_kept_ids)]
    if under is not None:
        levels += under.levels
        digests, layers, held = {**under.digests, **digests}, {**under.layers, **layers}, {**under.files, **held}
    values = values_of(Recipe(levels, composed.base, held, digests, layers, composed.epoch))
    return {**values, TREEFILE: GLib.Variant("s", text)}


def values_of(found: Recipe) -> Values:
    """The metadata of a recipe."""
    own, *standing = found.levels
    values = {
        TREEFILE: GLib.Variant("s", json.dumps(own.treefile)),
        KEPT_IDS: GLib.Variant("b", own.has_kept_ids),
        DIGESTS: GLib.Variant("a{ss}", dict(sorted(found.digests.items()))),
    }
    if standing:
        rows = [(json.dumps(level.treefile), *level[1:]) for level in standing]
        values[STANDING] = GLib.Variant("a(ssb)", rows)
    if found.base:
        values[BASE] = GLib.Variant("s", found.base)
    if found.files:
        held = {name: (file.is_program, file.content) for name, file in found.files.items()}
        values[FILES] = GLib.Variant("a{s(bay)}", held)
    if found.layers:
        values[LAYERS] = GLib.Variant("a{ss}", dict(found.layers))
    if found.epoch is not None:
        values[EPOCH] = GLib.Variant("x", found.epoch)
    return values


def public(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """A treefile's values without its secrets."""
    repositories = values.get("repositories")
    if not repositories:
        return values
    kept = {
        name: {option: CREDENTIALS.sub("//", value) for option, value in options.items() if option not in SECRETS}
        for name, options in repositories.items()
    }
    return {**values, "repositories": kept}


def _files(tree: Any) -> Iterator[tuple[str, File]]:
    for name in named_files(tree.values):
        if os.path.getsize(name) <= LARGEST:
            yield name, File(Path(name).read_bytes(), os.access(name, os.X_OK))


def named_files(values: Mapping[str, Any]) -> list[str]:
    """The files that a treefile names."""
    names: list[str] = []
    files.renamed(values, names.append)
    return names


def base_of(values: Values) -> str:
    """The commit that a tree was composed on; empty where there is none."""
    return str(_unpacked(values, BASE, ""))


def parse(values: Values) -> Recipe | None:
    """What `render` wrote; None where the tree was not composed by us."""
    if TREEFILE not in values:
        return None
    version = values["version"].unpack() if "version" in values else ""
    standing = _unpacked(values, STANDING, [])
    levels = [(values[TREEFILE].get_string(), version, _unpacked(values, KEPT_IDS, False)), *standing]
    held = _unpacked(values, FILES, {})
    return Recipe(
        [Level(json.loads(text), *more) for text, *more in levels],
        _unpacked(values, BASE, "") if not standing else "",
        {name: File(bytes(content), is_program) for name, (is_program, content) in held.items()},
        _unpacked(values, DIGESTS, {}),
        _unpacked(values, LAYERS, {}),
        _unpacked(values, EPOCH, None),
    )


def _unpacked(values: Values, key: str, otherwise: Any) -> Any:
    return values[key].unpack() if key in values else otherwise
