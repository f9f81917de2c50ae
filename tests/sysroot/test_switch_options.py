# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF's own options on a way to another tree, other users, and no repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests import guard, streams
from tests.streams import REMOTE, Stream
from tests.sysroot.test_rebase import BASE, PLUS, refusal
from tests.sysroot.test_switch import NEXT
from tests.sysroots import Host, ostree

WAYS = [["rebase", PLUS], ["system-switch", PLUS], ["upgrade"], ["recompose"], ["deploy", "1.1"]]


@pytest.mark.parametrize("options", [["--downloadonly"], ["--setopt=tsflags=test"]])
def test_to_download_is_not_to_deploy(client: Host, stream: Stream, options: list[str]) -> None:
    stream.publish("p1")
    stream.publish("1.2")
    client.done("install", "app")
    before = client.deployments()
    for way in WAYS:
        client.done(*options, *way)
    assert client.deployments() == before
    assert "The tree is here now; nothing was deployed." in client.done(*options, "rebase", PLUS)
    ostree("remote", "delete", client.repo, REMOTE)
    client.done("-C", "rebase", PLUS)
    client.fsck()


def test_from_the_cache_alone(client: Host, stream: Stream) -> None:
    client.done("install", "app")
    stream.publish("1.2")
    away = stream.repo.rename(stream.repo.with_name("away"))
    for way in (["rebase", PLUS], ["system-switch", PLUS]):
        assert f"Error: there is no ref or commit {PLUS} in " in refusal(client, "-C", *way)
    client.done("-C", "install", "other")
    client.done("-C", "upgrade", "--setopt=excludepkgs=toy-tool")
    ostree("refs", client.repo, "--delete", BASE)
    client.done("-C", "upgrade", "--setopt=excludepkgs=toy-tool")
    ostree("refs", client.repo, f"--create={BASE}", client.status()[0]["base"])
    client.done("-C", "system-switch", BASE)
    assert client.status()[0]["base_version"] == "1.1"
    away.rename(stream.repo)
    ostree("pull", "--commit-metadata-only", client.repo, REMOTE, "toy/1/base")
    said = refusal(client, "-C", "upgrade")
    assert "Error: not all of the commit is here\n(without --cacheonly it is pulled)\n" in said
    client.done("upgrade")
    assert client.status()[0]["base_version"] == "1.2"
    client.fsck()


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_not_root(client: Host, stream: Stream, way: list[str]) -> None:
    stream.publish("p1")
    nobody = 65534
    subprocess.run(["chown", "-R", str(nobody), *(client.folder / name for name in guard.FOLDERS)], check=True)
    cache = client.folder / "cache"
    cache.mkdir(exist_ok=True)
    cache.chmod(0o777)
    reachable(client.folder)
    before = client.deployments()
    user = ["setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups", *client.dnf_argv("-y", *way)]
    done = guard.run(client.folder, user, client.environment())
    assert done.returncode == 1 and "has to be run with superuser privileges" in done.stdout, done.stdout
    assert client.deployments() == before


def reachable(folder: Path) -> None:
    """Let everybody pass to a folder that a test has made."""
    for path in (folder, folder.parent):
        path.chmod(0o755)


def test_without_repositories(client: Host, stream: Stream) -> None:
    stream.publish("p1")
    assert dnf_without_repositories(client, "system-switch", PLUS).returncode == 0
    assert client.status()[0]["version"] == "p1"
    client.done("install", "app", "other")
    before = client.deployments()
    done = dnf_without_repositories(client, "system-switch", BASE)
    assert done.returncode == 1 and client.deployments() == before
    assert "2 requests do not fit the new base:\n  app: no repository has app\n  other: no" in done.stdout
    assert dnf_without_repositories(client, "system-switch", "--skip-broken", BASE).returncode == 0
    assert streams.requests(client)["parked"] == ["packages:app", "packages:other"]
    client.done("recompose")
    assert streams.requests(client) == {"packages": ["app", "other"]}


def dnf_without_repositories(host: Host, *arguments: str) -> subprocess.CompletedProcess[str]:
    return guard.run(host.folder, guard.dnf_argv(host.folder, None, "-y", *arguments), host.environment())


def test_which_stateroot(client: Host, stream: Stream) -> None:
    stream.publish("p1")
    before = client.deployments()
    for way in WAYS:
        done = client.dnf("-y", *way, extra={"OSTREE_OS": "other"})
        assert done.returncode == 1 and "there is no deployment of the stateroot other\n(known: toy)" in done.stdout
    ostree("admin", "os-init", f"--sysroot={client.sysroot}", "other")
    client.done("rebase", "--stateroot=other", PLUS)
    for way in WAYS[:3]:
        done = client.dnf("-y", *way)
        assert done.returncode == 1 and "several stateroots have deployments: other, toy\n(choose one" in done.stdout
    assert client.deployments() == before
    done = client.dnf("-y", "system-switch", BASE, extra={"OSTREE_OS": "other"})
    assert done.returncode == 0 and client.status()[0]["stateroot"] == "other"
    assert client.status()[0]["version"] == "1.1" and client.deployments() == before


def test_the_release_that_a_user_names(client: Host, stream: Stream) -> None:
    stream.publish("2.1")
    # What cannot be read is said, and left out.
    (client.folder / "repos.d/releases.repo").write_text(
        "[releases]\nname=releases\nbaseurl=file:///nowhere/$releasever\nenabled=1\ngpgcheck=0\n"
    )
    assert "file:///nowhere/9/repodata" in client.done("--releasever=9", "system-switch", NEXT)
    assert "file:///nowhere/2/repodata" in client.done("recompose")


def test_quietly(client: Host, stream: Stream) -> None:
    stream.publish("p1")
    said = client.done("-q", "system-switch", PLUS)
    assert [line for line in said.splitlines() if not line.startswith("Unable to detect release version")] == []
    assert client.status()[0]["version"] == "p1"
