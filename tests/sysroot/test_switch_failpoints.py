# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever ends a way to another tree: the host is as it was, the next run works, and nothing is left over."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests import streams
from tests.streams import Stream
from tests.sysroot.test_failpoints import AS_IT_WAS
from tests.sysroot.test_rebase import PLUS, refs_of
from tests.sysroots import Host, ostree

LOOK = ["pull::looked", "pull::fetched"]
SWITCH = [
    "layering::locked",
    *LOOK,
    "layering::staged",
    "layering::resolved",
    "layering::ran",
    "layering::normalised",
    "layering::grafted",
    "commit::written",
    "commit::flushed",
    "repo::named",
    "commit::referenced",
    "retention::kept",
    "deploy::cloned",
    "deploy::before-write",
]
REBASE = [*LOOK, "commit::flushed", "rebase::chosen", "retention::kept", "deploy::cloned", "deploy::before-write"]
WALK = [("system-switch", point) for point in SWITCH] + [("rebase", point) for point in REBASE]
# The others are the same for each transaction, and in test_failpoints.
SPECIAL = ("pull", "repo", "commit", "deploy")
ERRORS = [way for way in WALK if way[0] == "rebase" or way[1].partition("::")[0] in SPECIAL]


@pytest.fixture
def ready(client: Host, stream: Stream) -> Callable[[str, str, str], str]:
    """A host with a request, and a way to end its going to another tree somewhere."""
    stream.publish("p1")
    client.done("install", "app")
    client.wait_for_cleaner()

    def end(command: str, point: str, act: str) -> str:
        before, refs = client.deployments(), refs_of(client)
        done = client.dnf("-y", *words(command), extra={"OSTREE_LAYER_FAILPOINT": f"{point}={act}"})
        assert done.returncode == (-9 if act == "kill" else 1), done.stdout
        assert client.deployments() == before
        require_whole(client)
        if act != "kill":
            assert set(refs_of(client)) - {PLUS} <= {*refs, *bases(client)}
        client.fsck()
        client.done(*words(command))
        assert client.deployments()[1:] == before[:1]
        assert streams.names(client) == {"toy-base", "toy-tool", "extra", *added(command)}
        client.fsck()
        require_nothing_left(client, command)
        return done.stdout

    return end


def words(command: str) -> list[str]:
    return [command, PLUS] if command == "rebase" else [command, "--name=mine", PLUS]


def added(command: str) -> set[str]:
    return {"app", "lib"} if command == "system-switch" else set()


def bases(host: Host) -> set[str]:
    return {ref for ref in refs_of(host) if ref.startswith("ostree-layer/base/")}


def require_whole(host: Host) -> None:
    """Each ref of the remote, and each of the user's, names a tree that is here with all its content."""
    for ref in refs_of(host):
        if ref.startswith("toys:") or ref == "mine":
            ostree("ls", "-R", host.repo, ref)


def require_nothing_left(host: Host, command: str) -> None:
    host.wait_for_cleaner()
    assert not list((host.work / "staging").iterdir())
    kept = {path.name for path in host.work.iterdir()}
    assert kept <= {"staging", "rpms", "cleaner.lock"}, kept
    made = {host.deployments()[n].partition(".")[0] for n in range(2)}
    named = {ref: ostree("rev-parse", host.repo, ref).strip() for ref in refs_of(host)}
    assert {checksum for ref, checksum in named.items() if "/history/" in ref} <= made
    assert {ref for ref in named if ref.startswith("ostree-layer-")} == set()
    folder = host.sysroot / "ostree/deploy/toy/deploy"
    assert sorted(name for name in os.listdir(folder) if not name.endswith(".origin")) == sorted(host.deployments())
    assert (named.get("mine") == host.deployments()[0].partition(".")[0]) == (command == "system-switch")


@pytest.mark.parametrize(("command", "point"), WALK)
def test_kill(ready: Callable[[str, str, str], str], command: str, point: str) -> None:
    ready(command, point, "kill")


@pytest.mark.parametrize(("command", "point"), ERRORS)
def test_full_disk(ready: Callable[[str, str, str], str], command: str, point: str) -> None:
    said = ready(command, point, "nospace")
    assert "Complete!" not in said and "Traceback" not in said and "No space left on device" in said
    if command == "system-switch":
        assert said.endswith(AS_IT_WAS)
