# SPDX-License-Identifier: GPL-2.0-or-later
"""Which commits the entries of DNF's history have made, and DNF's words about the entries with these in them."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Callable

from ostree_layer import database, host, looking, metadata, repo, sysroot
from ostree_layer.model import Target
from ostree_layer.ostree_gi import OSTree
from ostree_layer.place import Place

# ID, command line or user, date and time, actions, how many packages were altered and two marks.
HEADER = re.compile(r"([^|]*) \| ([^|]*) \| ([^|]*) \| ([^|]*) \| ([^|]*)")
ROW = re.compile(r"( *(\d+)) \| (.*) \| ([-0-9: ]{16}) \| ([^|]*) \| ( *\d+ ..)")
# What the table has besides its second column, the narrowest that DNF makes that, and the narrowest that is readable.
FIXED, LEAST, READABLE = 55, 24, 10
DIGITS = 12
TITLE = "Commit"
WIDER = len(" | ") + DIGITS

Fill = Callable[[str, int], str]


@dataclasses.dataclass(frozen=True)
class Made:
    """The commit that an entry made; `deployed` has the indexes of its deployments.

    `has_moved`: the base of that commit is not that of the one before.
    """

    checksum: str
    deployed: tuple[int, ...] = ()
    is_booted: bool = False
    has_moved: bool = False

    def __str__(self) -> str:
        places = [f"deployed as {' and '.join(map(str, self.deployed))}"] if self.deployed else []
        notes = [*places, *(["booted"] if self.is_booted else [])]
        return self.checksum + (f" ({', '.join(notes)})" if notes else "")


def read(target: Target) -> dict[int, Made]:
    """By their ids, the entries of the tree that is booted, or boots next if none is, as far as commits tell."""
    loaded = sysroot.open_sysroot(target)
    found: dict[int, Made] = {}
    for checksum, entries in _lineage(sysroot.repository(loaded), sysroot.current(loaded, target.stateroot)):
        made = _made(loaded, checksum) if entries else None
        found.update((entry, made) for entry in entries if made is not None and entry not in found)
    return found


def take_along(where: Place) -> bool:
    """Let the tree have the host's own history of DNF, also where the run leaves the tree that had it; tell if so."""
    own, store = where.staged.root / looking.HISTORY, sysroot.repository(where.locked)
    start = sysroot.deployment_path(where.locked, where.start)
    here, there = (metadata.parse_local(_values(store, name)) for name in (where.start.get_csum(), where.commit))
    is_taken_along = where.destination is not None and here is not None and there is None
    if host.source_date_epoch(os.environ) is not None:  # no other machine would make the same root with it
        return where.destination is None
    if not own.exists() or is_taken_along:
        shared = sysroot.var_path(where.locked, where.start.get_osname())
        database.copy_history(looking.history_of(start, shared), own.parent)
    return where.destination is None or is_taken_along


def _values(store: OSTree.Repo, checksum: str) -> metadata.Values:
    return repo.metadata(repo.load_commit(store, checksum))


def _lineage(store: OSTree.Repo, checksum: str) -> Iterator[tuple[str, Iterable[int]]]:
    """The commit and those that it was made from, newest first, with their entries.

    It ends where a commit has not taken the history along: a base brings one of its own, and its ids mean others' runs.
    """
    while checksum and repo.has_commit(store, checksum):
        local = metadata.parse_local(_values(store, checksum))
        if local is None:
            return
        yield checksum, local.transaction.history
        checksum = local.previous if local.transaction.has_former_history else ""


def _made(loaded: OSTree.Sysroot, checksum: str) -> Made:
    booted = sysroot.find_booted(loaded)
    places = [index for index, one in enumerate(loaded.get_deployments()) if one.get_csum() == checksum]
    is_booted = booted is not None and booted.get_csum() == checksum
    return Made(checksum, tuple(places), is_booted, _has_moved(sysroot.repository(loaded), checksum))


def _has_moved(store: OSTree.Repo, checksum: str) -> bool:
    local = metadata.parse_local(_values(store, checksum))
    if local is None or not repo.has_commit(store, local.previous):
        return False
    before = metadata.parse_local(_values(store, local.previous))
    return local.base != (before.base if before else local.previous)


def not_undone(commits: Mapping[int, Made], entries: Iterable[int]) -> Iterator[str]:
    """What undoing entries leaves as it is."""
    for entry in sorted(entries):
        if entry in commits and commits[entry].has_moved:
            way = "it went to another tree, from which 'dnf rollback' or 'dnf deploy' goes back"
            yield f"Entry {entry} is undone as far as packages go; {way}."


def with_column(text: str, commits: Mapping[int, Made], fill: Fill) -> str:
    """`dnf history list` with a last column for the commit; as it was where it is not that table.

    `fill` brings a text to a width on the terminal. Where the table is as wide as the terminal, its second column,
    which DNF cuts anyway, makes room.
    """
    title, rule, *lines = [*text.split("\n"), ""]
    header, rows = HEADER.fullmatch(title), [ROW.fullmatch(line) for line in lines[:-2]]
    if header is None or set(rule) != {"-"} or None in rows or lines[-2:] != ["", ""]:
        return text
    width = len(rule) - FIXED
    left = width if width <= LEAST else max(READABLE, width - WIDER)
    table = [" | ".join([*_narrowed(header.groups(), left, fill), TITLE]), "-" * (FIXED + left + WIDER)]
    for row in filter(None, rows):
        entry, *cells = row.group(1, 3, 4, 5, 6)
        made = commits.get(int(row.group(2)))
        commit = [made.checksum[:DIGITS]] if made is not None else []
        table.append(" | ".join([*_narrowed([entry, *cells], left, fill), *commit]))
    return "\n".join([*table, ""])


def _narrowed(cells: Sequence[str], width: int, fill: Fill) -> list[str]:
    """The cells with the second one cut to a width, and the last one as wide as its title."""
    entry, name, *rest, altered = cells
    return [entry, fill(name, width), *rest, f"{altered:7}"]


def with_lines(text: str, commits: Mapping[int, Made], label: str) -> str:
    """`dnf history info` with the commits of each entry below its id, which stands after `label`."""
    return "\n".join(line for said in text.split("\n") for line in (said, *_commit_lines(said, commits, label)))


def _commit_lines(line: str, commits: Mapping[int, Made], label: str) -> Iterator[str]:
    """What is to follow a line: one line for each commit, where entries are told of."""
    found = re.fullmatch(rf"{re.escape(label)} (\d+)(?:\.\.(\d+))?", line)
    if found is None:
        return
    first = int(found.group(1))
    last = int(found.group(2) or first)
    made = [commits[entry] for entry in range(last, first - 1, -1) if entry in commits]
    yield from (f"{TITLE:15}: {one}" for one in dict.fromkeys(made))
