# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf status` of a sysroot: what it says, and that its JSON is as its schema says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests import guard, keys, tree_repos
from tests.sysroots import REF, Host, ostree
from tests.toys import APP, LIB

SCHEMA = json.loads((guard.CHECKOUT / "docs/status.schema.json").read_text())
STAMP = "boot/ostree/finalize-failure.stamp"


def told(host: Host) -> dict[str, Any]:
    """What `dnf status --json` writes, held against the schema."""
    done = tree_repos.run(host.folder, host.dnf_argv("--releasever=1", "status", "--json"), host.environment())
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    return document


def origin_of(host: Host) -> Path:
    return host.tree.with_name(f"{host.tree.name}.origin")


def names(schema: dict[str, Any]) -> set[str]:
    """The names of all fields in a schema."""
    below = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    return set(schema.get("properties", ())).union(*map(names, below))


def test_the_manual_page_has_each_field() -> None:
    page = (guard.CHECKOUT / "docs/dnf-ostree.8").read_text().replace("\\-", "-")
    section = page.partition(".SH STATUS AS JSON\n")[2].partition("\n.SH ")[0]
    assert set(re.findall(r"\w+", section)) >= names(SCHEMA)


def test_the_schema_is_one_and_knows_all_fields(host: Host) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    document = told(host)
    assert (document["version"], document["warnings"], len(document["deployments"])) == (1, [], 1)
    host.offer(APP, LIB)
    host.done("install", "app")
    (host.tree / "etc/toy.conf").write_text("mine\n")
    host.done("remove", "toy-tool")
    first, second = told(host)["deployments"]
    assert [first["index"], second["index"]] == [0, 1]
    assert (first["base_version"], second["command"] != "") == ("1.0", True)


def test_the_base_and_its_version(host: Host) -> None:
    host.offer(APP, LIB)
    base = host.deployments()[0].partition(".")[0]
    host.done("install", "app")
    assert f"              Base: {base} (1.0)\n" in host.done("status")


def test_a_base_that_is_gone(host: Host) -> None:
    host.offer(APP, LIB)
    base = host.deployments()[0].partition(".")[0]
    host.done("install", "app")
    host.done("remove", "app")
    host.wait_for_cleaner()
    (host.sysroot / f"ostree/repo/objects/{base[:2]}/{base[2:]}.commit").unlink()
    first = told(host)["deployments"][0]
    assert (first["base"], first["base_version"], first["signatures"]["found"]) == (base, "", [])


def test_what_the_origin_says(host: Host) -> None:
    commit = host.deployments()[0].partition(".")[0]
    origin_of(host).write_text(f"[origin]\nrefspec={REF}\noverride-commit={commit}\n[ostree-layer]\nfollowed={REF}\n")
    host.done("label", "0", "my tree")
    text = host.done("status")
    assert f"\n  0 toy {REF}\n             Label: my tree\n           Version: 1.0 (" in text
    assert f"  Pinned to commit: {commit}\n      Followed ref: {REF}\n" in text
    first = told(host)["deployments"][0]
    assert (first["label"], first["pinned_to"], first["followed"]) == ("my tree", commit, REF)


@pytest.mark.parametrize("key", ["refspec", "baserefspec"])
@pytest.mark.parametrize("remote", ["", "toys:"])
def test_a_refspec_that_is_a_commit(host: Host, key: str, remote: str) -> None:
    commit = host.deployments()[0].partition(".")[0]
    origin_of(host).write_text(f"[origin]\n{key}={remote}{commit}\n")
    assert told(host)["deployments"][0]["pinned_to"] == commit


def test_a_pin_is_the_users_own(host: Host) -> None:
    ostree("admin", "pin", f"--sysroot={host.sysroot}", "0")
    assert told(host)["deployments"][0]["pinned"] is True and f"  0 toy {REF} (pinned)\n" in host.done("status")
    with origin_of(host).open("a") as origin:
        origin.write("\n[libostree-transient]\nostree-layer.kept=true\n")
    assert told(host)["deployments"][0]["pinned"] is False and f"  0 toy {REF}\n" in host.done("status")


def sign(host: Host, keyring: Path) -> None:
    ostree("gpg-sign", host.repo, f"--gpg-homedir={keyring}", REF, keys.fingerprint(keyring))


def follow(host: Host, *options: str) -> None:
    """Let the tree come from a remote called toys."""
    ostree("remote", "add", host.repo, *options, "toys", "file:///nowhere", REF)
    origin_of(host).write_text(f"[origin]\nrefspec=toys:{REF}\n")


def test_signatures_by_the_key_of_the_remote(host: Host, keyring: Path) -> None:
    sign(host, keyring)
    key = keys.fingerprint(keyring)
    assert f"        Signatures: gpg {key}: unchecked\n" in host.done("status")
    follow(host, f"--gpg-import={keyring}/public")
    assert f"        Signatures: gpg {key} Toys: good\n" in host.done("status")
    host.offer(APP, LIB)
    host.done("install", "app")
    base = [found["signatures"]["found"][0]["verdict"] for found in told(host)["deployments"]]
    assert base == ["good", "good"], "what DNF made on the host has the signatures of its base"
    assert told(host)["deployments"][0]["signatures"]["found"][0] == {
        "kind": "gpg",
        "key": key,
        "primary_key": key,
        "user": "Toys",
        "verdict": "good",
        "reason": "",
    }


def test_an_ordinary_user_sees_the_same(host: Host, keyring: Path, folder: Path) -> None:
    sign(host, keyring)
    follow(host, f"--gpg-import={keyring}/public")
    nobodys = folder / "nobodys"
    for path in (folder, host.folder, nobodys):
        path.mkdir(exist_ok=True)
        path.chmod(0o755)
    argv = tree_repos.of_ordinary_user(nobodys, guard.dnf_argv(nobodys, None, "--releasever=1", "status", "--json"))
    done = tree_repos.run(nobodys, argv, host.environment())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == told(host)


def test_a_remote_that_demands_signatures(host: Host) -> None:
    follow(host, "--no-gpg-verify")
    assert "Signatures" not in host.done("status")
    ostree("config", host.repo, "set", 'remote "toys".gpg-verify', "true")
    assert "        Signatures: none, and its remote demands them\n" in host.done("status")
    ostree("config", host.repo, "set", 'remote "toys".gpg-verify', "false")
    ostree("config", host.repo, "set", 'remote "toys".sign-verify', "true")
    assert told(host)["deployments"][0]["signatures"] == {
        "found": [],
        "certifications": [],
        "demanded": True,
        "unread": "",
    }


def test_signatures_that_cannot_be_read_are_no_error(host: Host, keyring: Path) -> None:
    sign(host, keyring)
    (beside,) = (host.sysroot / "ostree/repo").glob("objects/*/*.commitmeta")
    beside.unlink()
    beside.mkdir()
    unread = told(host)["deployments"][0]["signatures"]["unread"]
    assert unread.startswith("reading the signatures of commit ")
    assert f"        Signatures: not read: {unread}\n" in host.done("status")


def test_a_shutdown_that_failed(host: Host) -> None:
    (host.sysroot / STAMP).parent.mkdir(parents=True, exist_ok=True)
    (host.sysroot / STAMP).write_text("Finalizing deployment:\nno /usr/bin/bwrap\n")
    sentence = "the last shutdown could not finalize the staged deployment: Finalizing deployment: no /usr/bin/bwrap"
    assert told(host)["warnings"] == [sentence]
    assert f"Warning: {sentence}\n\n  0 toy {REF}\n" in host.done("status")


def test_nothing_waits_where_nothing_is_booted(host: Host) -> None:
    host.offer(APP, LIB)
    host.done("install", "app")
    assert host.dnf("status", "--pending-exit-77").returncode == 0


def test_packages_come_from_the_metadata_where_they_are(host: Host) -> None:
    host.offer(APP, LIB)
    host.done("install", "app")
    host.done("remove", "app")
    for tree in host.deployments():
        path = host.tree.parent / tree / "usr/lib/sysimage/rpm/rpmdb.sqlite"
        path.unlink()
        path.write_text("no database\n")
    first = told(host)["deployments"][0]
    assert first["changes"]["removed"] == ["app-1-1.noarch", "lib-1-1.noarch"]
