# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf status`: the picture."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import jsonschema
import pytest

from ostree_layer import status_words
from ostree_layer.by_hand_model import ByHand
from ostree_layer.etc_model import EtcObstacle, EtcStatus, LocalEtc
from ostree_layer.model import EtcConflict, Package, PackageDiff, Requests
from ostree_layer.status_model import DeploymentStatus, SignatureStatus, Status
from ostree_layer.tree_model import Certification, Signature

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/status.schema.json").read_text())
BOOTED = DeploymentStatus(
    stateroot="demo",
    checksum="ab" * 32,
    serial=0,
    refspec="demo:demo/stable",
    version="12.0",
    timestamp=0,
    index=1,
    booted=True,
)
STAGED = DeploymentStatus(
    stateroot="demo",
    checksum="cd" * 32,
    serial=1,
    refspec="demo:demo/stable",
    version="12.0",
    timestamp=60,
    base="ab" * 32,
    base_version="12.0",
    requests=Requests(packages=("htop", "tree"), removed=("nano",), local=("ff:mine-1-1.noarch",)),
    command="dnf install htop",
    staged=True,
    changes=PackageDiff(added=(Package("htop", "0", "3", "1", "x86_64"), Package("tree", "0", "2", "1", "x86_64"))),
)


def test_picture() -> None:
    assert "\n".join(status_words.render(Status((STAGED, BOOTED)))) == (
        "  0 demo demo:demo/stable (staged)\n"
        "           Version: 12.0 (1970-01-01 00:01 UTC)\n"
        f"            Commit: {'cd' * 32}.1\n"
        f"              Base: {'ab' * 32} (12.0)\n"
        "           Made by: dnf install htop\n"
        "  Layered packages: htop tree\n"
        "    Local packages: mine-1-1.noarch\n"
        " Removed from base: nano\n"
        "           Changes: Added       htop-3-1.x86_64\n"
        "                    Added       tree-2-1.x86_64\n"
        "\n"
        "● 1 demo demo:demo/stable (booted)\n"
        "           Version: 12.0 (1970-01-01 00:00 UTC)\n"
        f"            Commit: {'ab' * 32}.0"
    )


def test_many_changes_are_counted() -> None:
    added = tuple(Package(f"p{index:02}", "0", "1", "1", "noarch") for index in range(20))
    many = DeploymentStatus("s", "ef" * 32, 0, "", "", 0, changes=PackageDiff(added=added))
    lines = list(status_words.render(Status((many,))))
    assert lines[-1] == "                    and 8 more (all of them: --json)"
    assert lines[0] == "  0 s local tree"
    assert len(status_words.as_json(Status((many,)))["deployments"][0]["changes"]["added"]) == 20


def test_what_is_said_only_where_there_is_something_to_say() -> None:
    told = dataclasses.replace(
        STAGED,
        label="before the fair",
        pinned_to="ef" * 32,
        followed="demo:demo/stable",
        requests=Requests(
            inactive=("packages:htop", "groups:apps", "modules:nodejs:18"),
            parked=("removed:nano", "replaced:sed-4-1.x86_64", "local:ff:mine-1-1.noarch"),
        ),
        by_hand=ByHand(unowned=("/usr/bin/fix",), removed=("/usr/bin/clear",)),
        signatures=SignatureStatus((Signature("gpg", "AB12", user="Toys", verdict="good"),), demanded=True),
    )
    lines = list(status_words.render(Status((told,), ("the last shutdown could not do it: why",))))
    assert lines[:10] == [
        "Warning: the last shutdown could not do it: why",
        "",
        "  0 demo demo:demo/stable (staged)",
        "             Label: before the fair",
        "           Version: 12.0 (1970-01-01 00:01 UTC)",
        f"            Commit: {'cd' * 32}.1",
        f"              Base: {'ab' * 32} (12.0)",
        f"  Pinned to commit: {'ef' * 32}",
        "      Followed ref: demo:demo/stable",
        "           Made by: dnf install htop",
    ]
    assert lines[10:14] == [
        " Inactive requests: htop @apps nodejs:18",
        "   Parked requests: -nano sed-4-1.x86_64 mine-1-1.noarch",
        "           By hand: 2 files",
        "        Signatures: gpg AB12 Toys: good",
    ]


@pytest.mark.parametrize(
    ("signatures", "words"),
    [
        (SignatureStatus(), None),
        (SignatureStatus(demanded=True), "none, and its remote demands them"),
        (SignatureStatus(unread="the keyring is locked"), "not read: the keyring is locked"),
    ],
)
def test_signatures(signatures: SignatureStatus, words: str | None) -> None:
    lines = list(status_words.render(Status((dataclasses.replace(BOOTED, signatures=signatures),))))
    assert [line for line in lines if "Signatures" in line] == ([f"        Signatures: {words}"] if words else [])


def test_what_is_pending() -> None:
    assert Status((STAGED, BOOTED)).is_pending
    assert not Status((BOOTED, dataclasses.replace(STAGED, staged=False))).is_pending
    assert not Status((STAGED, dataclasses.replace(BOOTED, booted=False))).is_pending


def test_the_json_of_all_that_can_be_said_is_as_its_schema_says() -> None:
    old, new = (Package("htop", "0", version, "1", "x86_64") for version in "12")
    bad = Signature("ed25519", "AB12", verdict="bad", reason="it does not fit")
    full = dataclasses.replace(
        STAGED,
        signatures=SignatureStatus((bad,), (Certification("2026-01-01T00:00:00Z", "junit.xml", "ab", 2, bad),)),
        changes=PackageDiff((new,), (old,), ((old, new),), ((new, old),)),
        etc=EtcStatus(
            local=LocalEtc(("a",), ("b",), ("c",), ("d",)),
            conflicts=(EtcConflict("passwd", "changed", "changed", is_account_file=True),),
            obstacles=(EtcObstacle("e", "file", "directory"),),
        ),
    )
    document = json.loads(json.dumps(status_words.as_json(Status((full, BOOTED), ("A sentence",)))))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    document["deployments"][0]["etc"]["obstacles"][0]["more"] = ""
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(document)
