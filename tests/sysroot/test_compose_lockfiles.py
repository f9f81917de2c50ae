# SPDX-License-Identifier: GPL-2.0-or-later
"""Lockfiles: a compose takes the versions that another one took, or that somebody wrote down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.composing import Bench, Keys
from tests.toys import APP, LIB, Toy

NEW_APP = Toy("app", "2", {"/usr/bin/app": "2\n"}, requires=("lib",))
NEW_LIB = Toy("lib", "2", {"/usr/lib/lib": "2\n"})
EXTRA = Toy("extra", files={"/usr/bin/extra": ""})
KEYS: Keys = {"packages": ["app"]}


@pytest.fixture
def locked(bench: Bench) -> Path:
    """A lockfile of a tree, of which newer packages have come since."""
    bench.offer(APP, LIB)
    bench.compose(KEYS, f"--write-lockfile-to={bench.folder}/lock.json")
    bench.offer(NEW_APP, NEW_LIB, EXTRA)
    return bench.folder / "lock.json"


def change(lock: Path, **packages: object) -> Path:
    """A lockfile with these entries only."""
    lock.write_text(json.dumps({"packages": packages}))
    return lock


def versions(bench: Bench) -> dict[str, str]:
    return {row[0]: row[2] for row in bench.metadata()["rpmostree.rpmdb.pkglist"].unpack()}


def test_what_is_written(bench: Bench, locked: Path) -> None:
    packages = json.loads(locked.read_text())["packages"]
    assert {name: entry["evra"] for name, entry in packages.items()} == {
        "app": "1-1.noarch",
        "lib": "1-1.noarch",
        "toy-base": "1-1.noarch",
    }
    assert all(entry["digest"].startswith("sha256:") for entry in packages.values())
    again = bench.folder / "again.json"
    bench.compose(KEYS, f"--lockfile={locked}", f"--write-lockfile-to={again}")
    assert again.read_text() == locked.read_text(), "also where nothing has changed"


def test_locked_versions_are_taken(bench: Bench, locked: Path) -> None:
    content = bench.content()
    bench.compose(KEYS, f"--lockfile={locked}", "--lockfile-strict", "--always")
    assert bench.content() == content
    bench.compose({"packages": ["app", "extra"]}, f"--lockfile={locked}")
    assert versions(bench) == {"app": "1", "lib": "1", "extra": "1", "toy-base": "1"}
    bench.compose(KEYS)
    assert versions(bench) == {"app": "2", "lib": "2", "toy-base": "1"}


def test_strict_takes_nothing_else(bench: Bench, locked: Path) -> None:
    said = bench.refusal({"packages": ["app", "extra"]}, f"--lockfile={locked}", "--lockfile-strict")
    hint = "(the repositories are toys, and only what is locked counts)\n"
    assert f"tree.json: no repository has extra\n{hint}" in said
    change(locked, app={"evra": "1-1.noarch"}, **{"toy-base": {"evra": "1-1.noarch"}})
    said = bench.refusal(KEYS, f"--lockfile={locked}", "--lockfile-strict")
    assert "do not fit together:\n Problem: " in said and "filtered out by exclude filtering" in said
    assert "Error: --lockfile-strict needs a --lockfile\n" in bench.refusal(KEYS, "--lockfile-strict")


def test_the_later_lockfile_has_the_say(bench: Bench, locked: Path) -> None:
    second = change(bench.folder / "second.json", lib={"evr": "2-1", "arch": "noarch"})
    bench.compose(KEYS, f"--lockfile={locked}", f"--lockfile={second}")
    assert versions(bench) == {"app": "1", "lib": "2", "toy-base": "1"}


def test_locks_that_nothing_fits(bench: Bench, locked: Path) -> None:
    digest = "sha256:" + "0" * 64
    change(
        locked, app={"evra": "1-1.noarch", "digest": digest}, lib={"evra": "7-1.noarch"}, none={"evra": "1-1.noarch"}
    )
    said = bench.refusal(KEYS, f"--lockfile={locked}")
    named = f"app-1-1.noarch with {digest}, lib-7-1.noarch"
    assert f"Error: packages of the lockfile are in no repository: {named}\n{bench.repo} is as it was.\n" in said


def test_locks_hold_for_a_tree_below(bench: Bench, locked: Path) -> None:
    bench.treefile({"ref": "toy/below", "packages": ["lib"]}, "below")
    above = bench.file("above.yaml", "include: below.json\nref: toy/tree\npackages: [app]\n")
    bench.compose(above, f"--lockfile={locked}")
    assert versions(bench) == {"app": "1", "lib": "1", "toy-base": "1"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "is not a lockfile: Expecting value: line 1 column 2 (char 1)\n"),
        ("{}", "is not a lockfile: it has no 'packages'\n"),
        ('{"packages": {"a": {}}}', "is not a lockfile: it has no 'evr'\n"),
        ('{"packages": ["a"]}', "is not a lockfile: "),
        (None, "cannot be read: No such file or directory\n"),
    ],
)
def test_what_is_no_lockfile(bench: Bench, text: str | None, said: str) -> None:
    lock = bench.folder / "lock.json"
    if text is not None:
        lock.write_text(text)
    printed = bench.refusal({}, f"--lockfile={lock}")
    assert f"{lock} {said}" in printed and "Traceback" not in printed
