# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf upgrade --automatic`, by its policies; none of these hosts is booted, so none reboots."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path

import pytest

from ostree_layer.ostree_gi import OSTree, gfile
from ostree_layer.sysroot import BUSY
from tests import composing, guard, toys, units
from tests.composing import UPDATES
from tests.streams import Stream
from tests.sysroot.test_status_shown import told
from tests.sysroots import Host, ostree
from tests.toys import LIB, Toy

OFF = "Automatic updates are off; automatic= in ostree.conf turns them on.\n"
NO_UPGRADE = "no upgrade available"
OLD_LIB = Toy("lib", "0.9", files={"/usr/lib/lib": "0\n"})


def settle(host: Host, **values: str) -> None:
    lines = [f"{key} = {value}\n" for key, value in values.items()]
    (host.folder / "plugins.d/ostree.conf").write_text("[main]\n" + "".join(lines))


def last_run(host: Host) -> tuple[bool, str]:
    """Whether the last run failed, and how it ended."""
    run = json.loads((host.work / "automatic.json").read_text())
    return run["failed"], run["ended"]


def in_text(host: Host) -> tuple[str, str, str]:
    """The policy, the time of the last run and how it ended, as `dnf status` shows them."""
    text = host.done("status")
    shown = re.search(r"  AutomaticUpdates: (\w+); last run (\d{4}-\d\d-\d\d \d\d:\d\d) UTC: (.*)\n", text)
    assert shown is not None, text
    return shown[1], shown[2], shown[3]


def automatic(host: Host) -> str:
    """A run as the timer starts it, which succeeds; nobody is there to answer."""
    (words,) = units.arguments("dnf-ostree-automatic.service")
    done = host.dnf(*words)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_without_a_policy_nothing_happens(client: Host, stream: Stream) -> None:
    stream.publish("1.2")
    before = client.deployments()
    assert automatic(client).endswith(OFF)
    assert client.deployments() == before and not (client.work / "automatic.json").exists()
    status = told(client)["automatic"]
    assert status == {"policy": "none", "window": "", "last_run": None, "available": None}
    assert "Automatic" not in client.done("status")


def test_check_says_what_there_is_and_pulls_no_tree(client: Host, stream: Stream) -> None:
    settle(client, automatic="check")
    old, new = client.deployments(), stream.publish("1.2")
    size = len(list((client.sysroot / "ostree/repo/objects").rglob("*.file*")))
    line = f"         Available: toys:toy/1/base  1.2  commit {new[:12]} of "
    printed = automatic(client)
    assert line in printed and "          Packages: 1 upgraded\n" in printed
    assert line in client.done("status")
    status = told(client)["automatic"]
    run, found = status["last_run"], status["available"]
    when = datetime.datetime.fromtimestamp(run.pop("time"), datetime.timezone.utc)
    assert run == {"policy": "check", "ended": "an upgrade is available", "failed": False}
    assert in_text(client) == ("check", f"{when:%Y-%m-%d %H:%M}", "an upgrade is available")
    assert (found["checksum"], found["version"]) == (new, "1.2")
    assert found["changes"]["upgraded"] == [["toy-tool-1-1.noarch", "toy-tool-2-1.noarch"]]
    assert client.deployments() == old
    assert size == len(list((client.sysroot / "ostree/repo/objects").rglob("*.file*")))
    client.done("install", "lib")
    assert line in client.done("status")
    client.done("upgrade")
    assert "Available" not in client.done("status") and told(client)["automatic"]["available"] is None


def test_check_finds_packages_and_their_advisories(host: Host) -> None:
    settle(host, automatic="check")
    host.offer(OLD_LIB)
    host.done("install", "lib")
    assert "No upgrade is available.\n" in automatic(host) and last_run(host) == (False, NO_UPGRADE)
    host.offer(LIB, OLD_LIB)
    composing.describe(host.repository, host.folder, "updateinfo", UPDATES)
    before = host.deployments()
    lines = "         Available: newer packages\n          Packages: 1 upgraded\n        Advisories: 1 important\n"
    printed = automatic(host)
    assert lines in printed and "Downloading Packages" not in printed and host.deployments() == before
    assert lines in host.done("status") and told(host)["automatic"]["available"]["advisories"] == {"important": 1}
    host.done("upgrade")
    assert "Available" not in host.done("status")


@pytest.mark.parametrize("policy", ["stage", "apply"])
def test_stage_and_apply_deploy_an_upgrade(client: Host, stream: Stream, policy: str) -> None:
    settle(client, automatic=policy, upgrade="tree")
    client.done("install", "app")
    assert "Nothing to do." in automatic(client) and last_run(client) == (False, NO_UPGRADE)
    stream.publish("1.2")
    printed = automatic(client)
    made = client.deployments()[0]
    assert f"New deployment {made[:12]} (1.2). It is in {client.sysroot}.\nComplete!\n" in printed
    assert last_run(client) == (False, f"new deployment {made[:12]} (1.2)")
    told_so = f"Deployment {made[:12]} (1.2) would be started by a reboot; it is in {client.sysroot}.\n"
    assert printed.endswith(told_so) == (policy == "apply")
    assert automatic(client).endswith(told_so) == (policy == "apply")
    assert client.status()[0]["command"] == " ".join(["dnf", *client.dnf_argv("upgrade", "--automatic")[2:]])
    client.fsck()


def test_a_reboot_waits_for_its_window(client: Host, stream: Stream) -> None:
    now = datetime.datetime.now()
    closed = f"{now + datetime.timedelta(days=3):%a}"
    settle(client, automatic="apply", automatic_window=closed)
    waits = f"Deployment {stream.publish('1.2')[:12]} (1.2) waits for a reboot in the window {closed}.\n"
    assert automatic(client).endswith(waits) and told(client)["automatic"]["window"] == closed
    open_now = f"{now:%a},{now + datetime.timedelta(days=1):%a}"
    settle(client, automatic="apply", automatic_window=open_now)
    assert automatic(client).endswith(f" (1.2) would be started by a reboot; it is in {client.sysroot}.\n")


def test_what_others_have_deployed_is_not_booted_into(client: Host, stream: Stream) -> None:
    settle(client, automatic="apply", upgrade="tree")
    stream.publish("1.2")
    ostree("pull", client.repo, "toys", "toy/1/base")
    ostree("admin", "upgrade", f"--sysroot={client.sysroot}", "--os=toy")
    printed = automatic(client)
    assert "Deployment" not in printed and last_run(client) == (False, NO_UPGRADE)


@pytest.mark.parametrize("policy", ["check", "stage"])
def test_a_remote_that_is_not_there(client: Host, stream: Stream, policy: str) -> None:
    settle(client, automatic=policy)
    stream.repo.rename(stream.repo.with_name("gone"))
    before = client.deployments()
    done = client.dnf("upgrade", "--automatic")
    assert done.returncode == 1 and "Error: pulling toy/1/base from toys: " in done.stdout
    failed, ended = last_run(client)
    assert failed and ended.startswith("pulling toy/1/base from toys: ") and client.deployments() == before
    assert in_text(client)[2] == f"failed: {ended}"


def test_packages_that_cannot_be_had(host: Host) -> None:
    settle(host, automatic="stage", upgrade="packages")
    toys.index(host.repository)
    (host.repository / "repodata/repomd.xml").unlink()
    done = host.dnf("--setopt=toys.skip_if_unavailable=0", "upgrade", "--automatic")
    assert done.returncode == 1 and last_run(host)[0]
    assert "Failed to download metadata for repo 'toys'" in last_run(host)[1]


@pytest.mark.parametrize(("policy", "upgrade"), [("check", "both"), ("stage", "packages"), ("apply", "both")])
def test_while_another_transaction_runs(client: Host, stream: Stream, policy: str, upgrade: str) -> None:
    settle(client, automatic=policy, upgrade=upgrade)
    client.done("install", "lib")
    stream.publish("1.2")
    other = OSTree.Sysroot.new(gfile(client.sysroot))
    other.load(None)
    other.lock()
    try:
        assert automatic(client).endswith(f"Nothing is done: {BUSY}.\n")
    finally:
        other.unlock()
    assert last_run(client) == (False, BUSY)


def test_a_scriptlet_that_fails(host: Host) -> None:
    settle(host, automatic="stage")
    host.offer(OLD_LIB)
    host.done("install", "lib")
    host.offer(Toy("lib", "2", scripts="%pre\nexit 1\n"))
    before = host.deployments()
    done = host.dnf("upgrade", "--automatic")
    assert done.returncode == 1 and "lib-2-1.noarch" in done.stdout and host.deployments() == before
    failed, ended = last_run(host)
    assert failed and "lib" in ended


def test_no_question_is_no_leave_to_skip_signatures(host: Host, keyring: Path) -> None:
    settle(host, automatic="stage")
    host.offer(OLD_LIB)
    host.done("install", "lib")
    host.offer(LIB)
    (host.folder / "repos.d/signed.repo").write_text(
        f"[signed]\nname=signed\nbaseurl=file://{host.repository}\ngpgcheck=1\ngpgkey=file://{keyring}/public\n"
    )
    before = host.deployments()
    argv = guard.dnf_argv(host.folder, None, "upgrade", "--automatic", checks_signatures=True)
    done = guard.run(host.folder, argv, host.environment())
    assert done.returncode == 1 and "Package lib-1-1.noarch.rpm is not signed\n" in done.stdout
    assert host.deployments() == before and last_run(host) == (True, "GPG check FAILED")


def test_what_it_is_not_for(host: Host) -> None:
    settle(host, automatic="stage")
    for words in ("install app", "upgrade toy-tool", "upgrade --security", "upgrade --check", "status"):
        done = host.dnf(*words.split(), "--automatic")
        assert done.returncode == 1, words
        assert "Error: --automatic is for 'dnf upgrade' alone; ostree.conf says what it does\n" in done.stdout
    assert not (host.work / "automatic.json").exists() and len(host.deployments()) == 1


def test_what_is_wrong_in_the_configuration(host: Host) -> None:
    settle(host, automatic="always")
    assert "ostree.conf: automatic=always is none of none, check, stage, apply" in host.dnf("status").stdout
    settle(host, automatic="apply", automatic_window="Caturday")
    said = host.dnf("upgrade", "--automatic").stdout
    assert "ostree.conf: automatic_window=Caturday: 'Caturday' is no day of the week\n" in said
