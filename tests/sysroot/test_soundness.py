# SPDX-License-Identifier: GPL-2.0-or-later
"""Harm done to a store: found, named, and undone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import stores
from tests.stores import Place
from tests.streams import BASE_REF
from tests.sysroots import ostree


@pytest.fixture
def place(signed_store: Place, folder: Path) -> Place:
    made = stores.copied(signed_store, folder)
    made.publish("1.2")
    return made


def repair(place: Place) -> str:
    return place.done("repair", str(place.store))


def test_nothing_to_repair(place: Place) -> None:
    assert repair(place).endswith(" objects read.\nAll of it is sound.\n")
    before = {path: path.stat().st_mtime_ns for path in place.store.rglob("*")}
    assert place.done("verify", place.repo).endswith("All of it is sound.\n")
    assert {path: path.stat().st_mtime_ns for path in place.store.rglob("*")} == before, "who looks changes nothing"


@pytest.mark.parametrize("kind", ["filez", "dirtree"])
def test_damaged_objects(place: Place, kind: str) -> None:
    for path in (place.store / "objects").glob(f"*/*.{kind}"):
        path.write_bytes(b"damaged")
    said = repair(place)
    assert f".{kind[:4]}" in said and f"Incomplete: commit {place.commit('1.2')}\n" in said
    assert said.endswith("Publish or mirror these commits again: what is missing of them is brought anew.\n")
    assert "only a part of it is here" in place.refused("verify", BASE_REF, place.repo)
    place.publish("1.1", "--allow-older")
    place.publish("1.2")
    assert repair(place).endswith("All of it is sound.\n")
    ostree("fsck", place.repo, "--quiet")


def test_damaged_deltas(place: Place) -> None:
    next((place.store / "deltas").glob("*/*/0")).write_bytes(b"damaged")
    verified = place.tree("verify", place.repo)
    assert verified.returncode == 1 and verified.stdout.endswith("'dnf tree repair' removes what is damaged.\n")
    assert f"Damaged: the static delta from {place.commit('1.1')[:12]} to {place.commit('1.2')[:12]}\n" in repair(place)
    assert place.deltas() == set()
    assert "There is a static delta" in place.publish("1.2")
    assert repair(place).endswith("All of it is sound.\n")


def test_a_summary_that_somebody_changed(place: Place) -> None:
    summary = place.store / "summary"
    content = summary.read_bytes()
    summary.write_bytes(content.replace(BASE_REF.encode(), b"toy/1/evil"))
    assert "Wrong: the summary does not say what there is\n" in repair(place)
    ostree("summary", "--update", place.repo)
    report = json.loads(place.done("repair", str(place.store), "--json"))["repaired"]
    assert report["others"] == ["the summary has no good signature by the keys of the store"]
    assert repair(place).endswith("All of it is sound.\n")


def test_a_commit_that_is_gone(place: Place) -> None:
    checksum = place.commit("1.2")
    (place.store / "objects" / checksum[:2] / f"{checksum[2:]}.commit").unlink()
    assert f"Wrong: {BASE_REF} leads to a commit that is gone\n" in repair(place)
    place.publish("1.2")
    assert repair(place).endswith("All of it is sound.\n")
