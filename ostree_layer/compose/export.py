# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports: treefiles, files and versions that make a tree again, out of what its commit says."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ostree_layer import checkout, metadata, repo
from ostree_layer.compose import ids, lockfile, recipe
from ostree_layer.compose.lockfile import Lock
from ostree_layer.compose.recipe import File, Level, Recipe
from ostree_layer.errors import RepoError
from ostree_layer.model import LocalCommit, Package, Requests
from ostree_layer.oci import reference
from ostree_layer.ostree_gi import OSTree
from ostree_layer.treefile import files, merging, rendering
from ostree_layer.treefile.keys import BY_NAME

LOCKFILE = "lockfile.json"
ADDING = (merging.concatenated, merging.united, merging.pinned)


@dataclasses.dataclass(frozen=True)
class Export:
    """What makes a tree again; each of `trees` is whole, and stands on the next one.

    `files` are by their names beside the treefiles; `notes` are sentences about what is not in the export.
    """

    title: str
    trees: Sequence[Mapping[str, Any]]
    files: Mapping[str, File]
    locks: Sequence[Lock]
    notes: Sequence[str]

    def treefiles(self) -> dict[str, str]:
        """The text of each treefile by its name: the tree's own, and those that it includes."""
        names = ["tree.yaml", *(f"base-{number}.yaml" for number in range(1, len(self.trees)))]
        texts = {}
        for number, name in enumerate(names):
            values = dict(self.trees[number])
            if number + 1 < len(names):
                values = {"include": names[number + 1], **_without(values, self.trees[number + 1])}
            texts[name] = ("" if number else self._head()) + rendering.yaml_of(values)
        return texts

    def whole(self) -> str:
        """One treefile with everything in it but the files."""
        more = ["--output-dir=DIR writes the files and trees that this needs"] if self.files or self.trees[1:] else []
        return self._head(*more) + rendering.yaml_of(self.trees[0])

    def _head(self, *more: str) -> str:
        return "".join(f"# {line}\n" for line in (self.title, *self.notes, *more))

    def document(self) -> dict[str, Any]:
        """The same for programs."""
        locks = json.loads(lockfile.render(self.locks))
        return {"trees": self.trees, "files": sorted(self.files), "lockfile": locks, "notes": self.notes}

    def write(self, folder: Path) -> None:
        """Write all of it into a folder, which is made if it is not there."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.treefiles().items():
            (folder / name).write_text(text)
        for name, file in self.files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(file.content)
            (folder / name).chmod(0o755 if file.is_program else 0o644)
        (folder / LOCKFILE).write_text(lockfile.render(self.locks))


def read(store: OSTree.Repo, checksum: str) -> Export:
    """The export of a commit; RepoError where neither it nor its base says what it was made from."""
    values = repo.metadata(repo.load_commit(store, checksum))
    local = metadata.parse_local(values)
    if local is not None:
        return _export(store, checksum, *of_host(store, local, repo.version(repo.load_commit(store, checksum))))
    found = recipe.parse(values)
    if found is None:
        hint = f"base-refspec: {checksum}, in a treefile, stands on it"
        raise RepoError(f"commit {checksum} was not composed by 'dnf tree compose': it does not say how", hint=hint)
    return _export(store, checksum, found, [])


def _export(store: OSTree.Repo, checksum: str, found: Recipe, notes: list[str]) -> Export:
    names = _names(name for level in found.levels for name in recipe.named_files(level.treefile))
    checks = ids.as_checks(ids.of_commit(store, checksum))
    trees = [_again(level, found, names, checks) for level in found.levels]
    for tree in trees[1:]:  # not all of the ids are theirs
        tree.update({key: ["*"] for key in ("ignore-removed-users", "ignore-removed-groups") if "check-passwd" in tree})
    packages = checkout.require_packages(store, checksum)
    locks = [_lock(package, found.digests) for package in packages]
    held = {names[name]: file for name, file in found.files.items() if name in names}
    by_hand = metadata.parse_by_hand(repo.metadata(repo.load_commit(store, checksum))).paths
    lost = [f"{path} was changed by hand, and is not in the export" for path in sorted(by_hand)]
    return Export(f"commit {checksum}", trees, held, locks, [*notes, *lost, *_notes(found, names)])


def _notes(found: Recipe, names: Mapping[str, str]) -> list[str]:
    lost = [f"{names[name]} is not in the commit: it was {name}" for name in names if name not in found.files]
    commits = [*found.layers.values(), *filter(None, [found.base])]
    keys = {level.treefile["gpg-key"] for level in found.levels if level.treefile.get("gpg-key")}
    epoch = [] if found.epoch is None else [f"it was composed with SOURCE_DATE_EPOCH={found.epoch}"]
    return [
        *epoch,
        *lost,
        *(f"commit {commit} has to be in the repository that it is composed into" for commit in commits),
        *(f"it was signed with the key {key}" for key in sorted(keys)),
    ]


def _names(paths: Iterable[str]) -> dict[str, str]:
    """Names for files in an export; files of one name from different folders are told apart by a number."""
    names: dict[str, str] = {}
    for path in dict.fromkeys(paths):
        name, number = f"files/{os.path.basename(path)}", 1
        while name in names.values():
            number += 1
            name = f"files/{number}-{os.path.basename(path)}"
        names[path] = name
    return names


def _again(level: Level, found: Recipe, names: Mapping[str, str], checks: Mapping[str, Any]) -> dict[str, Any]:
    """A treefile with all in it that was decided elsewhere: versions, ids, commits, places of files."""
    values = {key: value for key, value in level.treefile.items() if key != "gpg-key"}
    if level.version:
        more = {**values.get("add-commit-metadata", {}), "version": level.version}
        values["add-commit-metadata"] = more
    if level.has_kept_ids:
        values.update(checks)
    if found.base and "base-refspec" in values:
        values["base-refspec"] = found.base
    for key in ("ostree-layers", "ostree-override-layers"):
        if key in values:
            values[key] = [found.layers.get(ref, ref) for ref in values[key]]
    values.update(files.renamed(values, names.__getitem__))
    return {key: values[key] for key in BY_NAME if key in values}


def _without(own: Mapping[str, Any], included: Mapping[str, Any]) -> dict[str, Any]:
    """What is left to say in a treefile that includes another one."""
    left = {key: value for key, value in own.items() if key not in included or value != included[key]}
    for key in left.keys() & included.keys():
        if BY_NAME[key].merge in ADDING:
            left[key] = [entry for entry in left[key] if entry not in included[key]]
    return left


def _lock(package: Package, digests: Mapping[str, str]) -> Lock:
    return Lock(package.name, f"{package.evr}.{package.arch}", digests.get(package.nevra, ""))


def of_host(store: OSTree.Repo, local: LocalCommit, version: str) -> tuple[Recipe, list[str]]:
    """How to compose what was layered on a host, and what of that cannot be said."""
    below = recipe.parse(repo.metadata(repo.load_commit(store, local.base)))
    wanted, notes = local.requests, []
    if below is None:
        levels = [Level(_layered({"base-refspec": local.base}, local), version, has_kept_ids=True)]
        found = Recipe(levels, local.base, {}, {}, {}, None)
        notes += [f"{name} was removed from the base, which a treefile cannot say" for name in wanted.removed]
    else:
        # A tree that stands on another one only adds to it.
        stands = not (wanted.removed or wanted.replaced)
        whole = _layered(below.levels[0].treefile, local)
        found = below._replace(levels=[Level(whole, version, has_kept_ids=True), *(below.levels if stands else [])])
        notes += [] if stands else [_anew(wanted)]
    for entry in wanted.local:
        digest, _, nevra = entry.partition(":")
        notes.append(f"{nevra} came from a file with the SHA-256 {digest}: some repository has to have it")
    return found, notes


def _anew(wanted: Requests) -> str:
    changes = [f"{name} was removed" for name in wanted.removed] + [f"{nevra} replaced" for nevra in wanted.replaced]
    return f"it is composed anew, and not on its base: {', and '.join(changes)}"


def _layered(base: Mapping[str, Any], local: LocalCommit) -> dict[str, Any]:
    """The treefile of a base with the requests of a host added to it."""
    wanted = local.requests
    # The name of an image is none of a ref.
    followed = "" if reference.is_image(local.base_refspec) else local.base_refspec
    name = followed.rpartition(":")[2] or local.base
    values = {**base, "ref": f"local/{name}"}
    there = [name for name in base.get("packages", []) if name not in wanted.removed]
    packages = [*there, *wanted.packages, *_from_nevras(wanted)]
    added = {"packages": packages, "groups": [*base.get("groups", []), *wanted.groups]}
    if "base-refspec" not in base:
        added["exclude-packages"] = [*base.get("exclude-packages", []), *wanted.removed]
    values.update({key: list(dict.fromkeys(entries)) for key, entries in added.items() if entries})
    if wanted.modules:
        modules = dict(base.get("modules", {}))
        values["modules"] = {**modules, "enable": [*modules.get("enable", []), *wanted.modules]}
    return values


def _from_nevras(wanted: Requests) -> list[str]:
    """The names of packages that were replaced, or came from files."""
    nevras = [*wanted.replaced, *(entry.partition(":")[2] for entry in wanted.local)]
    return [nevra.rsplit("-", 2)[0] for nevra in nevras]
