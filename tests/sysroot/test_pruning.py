# SPDX-License-Identifier: GPL-2.0-or-later
"""What a store forgets, and what it must not; deltas on demand."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests import stores
from tests.stores import Place
from tests.streams import BASE_REF
from tests.sysroots import Host, ostree

VERSIONS = ("1.1", "1.2", "1.3")


@pytest.fixture
def place(full_store: Place, folder: Path) -> Place:
    """A store with all versions of the first ref, none of them made today."""
    return stores.copied(full_store, folder)


def age(place: Place) -> None:
    for path in (place.store / "objects").glob("*/*.commit"):
        os.utime(path, (0, 0))


def commits(place: Place) -> set[str]:
    known = {place.commit(version): version for version in VERSIONS}
    return {known[path.parent.name + path.stem] for path in (place.store / "objects").glob("*/*.commit")}


def prune(place: Place, *options: str) -> str:
    return place.done("prune", str(place.store), *options)


def test_by_count(place: Place) -> None:
    assert "Error: nothing says what is kept of " in place.refused("prune", str(place.store))
    place.host("--keep=2")
    oldest = place.commit("1.1")
    assert prune(place, "--dry-run") == f"Commit {oldest} would be removed.\n"
    assert commits(place) == set(VERSIONS)
    said = prune(place)
    assert said.startswith(f"Commit {oldest} is removed.\nFreed ") and commits(place) == {"1.2", "1.3"}
    assert prune(place) == "Nothing to do: no commit is to go.\n"
    kept = {f"{place.commit(old)}-{place.commit(new)}" for old, new in (("1.1", "1.2"), ("1.2", "1.3"))}
    assert place.deltas() == kept, "who has the old one may still need it"
    prune(place, "--keep=1")
    assert place.deltas() == {f"{place.commit('1.2')}-{place.commit('1.3')}"}, "none to what is gone"
    ostree("fsck", place.repo, "--quiet")


def test_by_age_and_by_version(place: Place) -> None:
    assert prune(place, "--keep-days=100000") == "Nothing to do: no commit is to go.\n"
    prune(place, "--keep-version=1.1", "--keep-version=none*", "--keep-days=1")
    assert commits(place) == {"1.1", "1.3"}
    age(place)
    report = json.loads(prune(place, "--keep=1", "--json"))["pruned"]
    assert report["removed"] == [place.commit("1.1")] and report["kept"] == 1 and report["freed"] > 0


def test_refs_keep(place: Place) -> None:
    ostree("refs", place.repo, "--create=tags/good", place.commit("1.1"))
    prune(place, "--keep=1")
    assert commits(place) == {"1.1", "1.3"}


def test_what_is_deployed_stays(place: Place, client: Host) -> None:
    place.store.rename(client.folder / "store")
    place = Place(client.folder, place.composed)
    done = client.dnf("tree", "prune", str(place.store), "--keep=1")
    assert done.returncode == 0, done.stdout
    assert f"Commit {place.commit('1.1')} stays: it is deployed on this host.\n" in done.stdout
    assert commits(place) == {"1.1", "1.3"}


def test_what_nobody_names_yet(place: Place) -> None:
    ostree("refs", place.repo, "--delete", BASE_REF)
    assert prune(place, "--keep=1") == "Nothing to do: no commit is to go.\n"
    age(place)
    prune(place, "--keep=1")
    assert commits(place) == set()


@pytest.mark.parametrize("point", ["prune::forgotten", "summary::written", "prune::announced"])
def test_killed(place: Place, point: str) -> None:
    killed = place.tree("prune", str(place.store), "--keep=1", extra=stores.at(point, "kill"))
    assert killed.returncode == -9
    ostree("fsck", place.repo, "--quiet")
    prune(place, "--keep=1")
    assert commits(place) == {"1.3"} and place.deltas() == {f"{place.commit('1.2')}-{place.commit('1.3')}"}
    assert place.publish("1.3").startswith("Nothing to do: ")


def test_policies_that_are_none(place: Place) -> None:
    assert "Error: less than nothing cannot be kept\n" in place.refused("prune", str(place.store), "--keep=-1")
    (place.store / "extensions/ostree-layer/store.conf").write_text("[store]\nkeep = few\n")
    said = place.refused("prune", str(place.store))
    assert f"Error: {place.store} says no number of commits or days: " in said


def test_deltas_on_demand(place: Place) -> None:
    first, last = place.commit("1.1"), place.commit("1.3")
    said = place.done("delta", first, BASE_REF, place.repo)
    assert said == f"There is a static delta from commit {first[:12]} to commit {last[:12]}.\n"
    assert place.done("delta", first, BASE_REF, place.repo).startswith("Nothing to do: there is ")
    assert place.done("delta", BASE_REF, place.repo).startswith("Nothing to do: there is ")
    assert "from nothing to commit" in place.done("delta", BASE_REF, "--from-nothing", place.repo)
    assert f"{first}-{last}" in ostree("summary", "--view", place.repo)
    assert f"Error: there is no commit before {first[:12]}\n" in place.refused("delta", first, place.repo)
