# SPDX-License-Identifier: GPL-2.0-or-later
"""Treefiles: what trees are composed from, read with all that they include."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ostree_layer.errors import TreefileError, nearest
from ostree_layer.treefile import files, rules, source, variables
from ostree_layer.treefile.keys import (
    ARCH_PACKAGES,
    BY_NAME,
    EXTRA_PACKAGES,
    KNOWN,
    LEGACY,
    MORE_PACKAGES,
    PACKAGES,
    Key,
)
from ostree_layer.treefile.kinds import Mark, Value

MOST_INCLUDES = 50
INCLUDES = ("include", "arch-include", "conditional-include")
# Anaconda leaves one on the host: anaconda-ks.cfg.
KICKSTARTS = (".ks", ".cfg")


@dataclass(frozen=True)
class Treefile:
    """What a treefile and its includes say together; files are named by absolute paths.

    `ignored` has a sentence for each key that was accepted without effect, `trees` the included files that describe
    trees themselves, for they have a `ref`: the nearest first. `given_release` took the place of the treefile's own.
    """

    path: Path
    values: Mapping[str, Any]
    ignored: tuple[str, ...] = ()
    trees: tuple[Path, ...] = ()
    given_release: str = ""

    def __getitem__(self, key: str) -> Any:
        """The value of a key, or its default."""
        return self.values.get(key, BY_NAME[key].default)


def read(path: Path, basearch: str, releasever: str | int = "") -> Treefile:
    """The treefile at path as one whole for one architecture; TreefileError names file, line and key.

    `releasever`, if it is not empty, takes the place of the treefile's own.
    """
    reader = _Reader(basearch, releasever)
    part = reader.file(path, None, ())
    release = releasever or str(part.values.get("releasever", ""))  # a number and a text are the same release
    values = {**part.values, "basearch": basearch, **({"releasever": release} if release else {})}
    own = {name: value for name, value in reader.variables.items() if name not in variables.RESERVED}
    if own:
        values["variables"] = own
    for name in values:
        if BY_NAME[name].is_substituted:
            values[name] = variables.substituted(values[name], reader.variables, part.marks[name], name)
    values.update(rules.implied(values))
    for name, value in values.items():
        _require_not_refused(BY_NAME[name], value, part.marks)
    rules.require(values, part.marks)
    trees = tuple(found for _depth, found in sorted(reader.trees, key=lambda one: one[0]))
    known = {name: values[name] for name in BY_NAME if name in values}
    return Treefile(path, known, tuple(reader.ignored), trees, str(releasever))


@dataclass
class _Part:
    """The keys of one mapping, by their present names, and where they are."""

    values: dict[str, Any] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)

    def put(self, key: str, value: Any, mark: Mark) -> None:
        self.values[key] = value
        self.marks.setdefault(key, mark)

    def build_upon(self, included: _Part) -> None:
        for key, value in included.values.items():
            merged = BY_NAME[key].merge(self.values[key], value) if key in self.values else value
            self.put(key, merged, included.marks[key])


@dataclass(frozen=True)
class _Include:
    """What a treefile is built upon by one of its keys: a path, or a treefile that stands there."""

    key: str
    value: Value

    def error(self, what: str, hint: str = "") -> TreefileError:
        return self.value.mark.error(self.key, what, hint)


class _Reader:
    """One reading: the files that were seen, and the variables that are known so far."""

    def __init__(self, basearch: str, releasever: str | int) -> None:
        self.basearch = basearch
        self.variables: dict[str, variables.Variable] = {"basearch": basearch}
        if releasever:
            self.variables["releasever"] = releasever
        self.ignored: list[str] = []
        self.trees: list[tuple[int, Path]] = []
        self._seen: dict[tuple[int, int], Mark] = {}

    def file(self, path: Path, by: _Include | None, chain: tuple[Path, ...]) -> _Part:
        """A file with all that it includes; `chain` is how one came here."""
        try:
            status = path.stat()
        except OSError as e:
            what = f"{path}: {(e.strerror or str(e)).lower()}"
            raise (by.error(what) if by else TreefileError(what)) from e
        identity = (status.st_dev, status.st_ino)
        if by is not None:
            self._require_new(path, identity, by, chain)
            self._seen[identity] = by.value.mark
        if path.suffix in KICKSTARTS:
            value = self._kickstart(path, is_whole=by is None)
        else:
            value = source.load(path)
            files.require_no_programs(path)
        part = self.mapping(value, path.parent, (*chain, path))
        if chain and "ref" in part.values:
            self.trees.append((len(chain), path))
        return part

    def _kickstart(self, path: Path, *, is_whole: bool) -> Value:
        try:
            # Nothing but a kickstart needs pykickstart.
            from ostree_layer.treefile import kickstart, kickstart_file  # noqa: PLC0415
        except ModuleNotFoundError as e:
            raise TreefileError(f"{path}: kickstarts need the Python module {e.name!r}") from e
        keys, ignored = kickstart.keys_of(kickstart_file.load(path), is_whole=is_whole)
        self.ignored += ignored
        return Value(keys, Mark(str(path), 1))

    def _require_new(self, path: Path, identity: tuple[int, int], by: _Include, chain: tuple[Path, ...]) -> None:
        if len(chain) > MOST_INCLUDES:
            raise by.error(f"more than {MOST_INCLUDES} treefiles include one another")
        loop = [one for one in chain if os.path.samefile(one, path)]
        if loop:
            around = " -> ".join(str(one) for one in (*chain[chain.index(loop[0]) :], path))
            raise by.error(f"{path} includes itself: {around}")
        if identity in self._seen:
            raise by.error(f"{path} is included already, in {self._seen[identity]}", "a treefile is included once")

    def mapping(self, value: Value, folder: Path, chain: tuple[Path, ...]) -> _Part:
        """The keys of one treefile, or of one inside another, merged with what it includes."""
        part = self._keys(value, folder)
        taken = {key: part.values.pop(key) for key in INCLUDES if key in part.values}
        self._fold_in(part)
        for one in self._included(taken):
            if isinstance(one.value.content, dict):
                part.build_upon(self.mapping(one.value, folder, chain))
            else:
                part.build_upon(self.file(folder / one.value.content, one, chain))
        return part

    def _included(self, taken: Mapping[str, Any]) -> list[_Include]:
        """Treefiles that stand in this one, then files: in general, by architecture, by condition."""
        inside: list[_Include] = []
        files = [_Include("include", path) for path in taken.get("include", [])]
        files += [_Include("arch-include", path) for path in taken.get("arch-include", {}).get(self.basearch, [])]
        for one in taken.get("conditional-include", []):
            # All conditions are asked, so that a wrong one is found.
            if not all([variables.is_met(condition, self.variables) for condition in one["if"]]):
                continue
            if isinstance(one["include"], Value):
                inside.append(_Include("conditional-include", one["include"]))
            else:
                files += [_Include("conditional-include", path) for path in one["include"]]
        return [*inside, *files]

    def _fold_in(self, part: _Part) -> None:
        """What was defined before, by the including files too, is not defined anew."""
        own = part.values.pop("variables", {})
        for name in variables.RESERVED:
            if name in own:
                raise part.marks["variables"].error(f"variables.{name}", "this name is taken", f"{name}: sets it")
        if "releasever" in part.values:
            own["releasever"] = part.values["releasever"]
        self.variables = {**own, **self.variables}
        wanted = part.values.get("basearch", self.basearch)
        if wanted != self.basearch:
            raise part.marks["basearch"].error("basearch", f"this is for {wanted}, and the machine is {self.basearch}")

    def _keys(self, value: Value, folder: Path) -> _Part:
        part = _Part()
        more: list[str] = []
        for written, member in value.content.items():
            name = LEGACY.get(written, written)
            if written in EXTRA_PACKAGES:
                packages = [] if member.content is None else PACKAGES.read(member, written)
                more += packages if written in (MORE_PACKAGES, ARCH_PACKAGES + self.basearch) else []
                part.marks.setdefault("packages", member.mark)
            elif name not in BY_NAME:
                self._pass_over(written, member.mark)
            elif name in part.values:
                raise member.mark.error(written, f"{name} is here already, in line {part.marks[name].line}")
            elif member.content is not None:
                self._take(part, BY_NAME[name], written, member, folder)
        if more:
            part.values["packages"] = list(dict.fromkeys([*part.values.get("packages", []), *more]))
        return part

    def _pass_over(self, key: str, mark: Mark) -> None:
        """JSON has no comments: in it, a key that nobody knows is one."""
        if not mark.file.endswith(".json"):
            hint = nearest(key, KNOWN, otherwise="'dnf tree schema' has all keys")
            raise mark.error(key, "no such key", hint)
        self.ignored.append(f"{mark}: {key} has no effect: no such key")

    def _take(self, part: _Part, key: Key, written: str, member: Value, folder: Path) -> None:
        content = key.kind.read(member, written)
        if key.ignored:
            self.ignored.append(f"{member.mark}: {written} has no effect: {key.ignored}")
            return
        part.put(key.name, files.found(key.name, content, member, folder), member.mark)


def _require_not_refused(key: Key, value: Any, marks: Mapping[str, Mark]) -> None:
    """Asked of the whole: the value of an included file can be overridden."""
    if key.refused and value != key.harmless:
        raise marks[key.name].error(key.name, key.refused)
