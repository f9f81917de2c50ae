# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers that are away, die, or have nonsense: a sentence, and the host as it was; and those that say little."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import servers, streams
from tests.servers import Server
from tests.streams import REMOTE, Stream
from tests.sysroot.test_rebase import BASE, PLUS, refs_of, refusal
from tests.sysroots import Host, ostree

GOES_ON = "(what has been pulled is kept: the same command goes on from there)\n"
BOTH = pytest.mark.parametrize("command", ["rebase", "system-switch"])


@pytest.fixture
def server(client: Host, stream: Stream) -> Iterator[Server]:
    """The stream's server on the network, which the client follows."""
    with servers.serving(stream.repo) as served:
        follow(client, served.url)
        yield served


def follow(host: Host, url: str) -> None:
    ostree("remote", "delete", "--if-exists", host.repo, REMOTE)
    ostree("remote", "add", "--no-gpg-verify", host.repo, REMOTE, url)


@BOTH
def test_a_pull_goes_on_from_where_it_ended(client: Host, stream: Stream, server: Server, command: str) -> None:
    plus = stream.publish("p1")
    server.limit = 4
    said = refusal(client, command, PLUS, "--setopt=retries=1")
    assert "Error: pulling toy/1/plus from toys: While fetching " in said and GOES_ON in said
    first, server.limit = list(server.content), None
    client.done(command, PLUS)
    assert client.deployments()[0].startswith(plus)
    assert len(first) == 4 and len(set(server.content)) == len(server.content) > 4, "nothing is asked for twice"
    client.fsck()


def test_no_network(client: Host, stream: Stream) -> None:
    stream.publish("p1")
    with servers.serving(stream.repo) as server:
        follow(client, server.url)
    for command in (["rebase", PLUS], ["system-switch", PLUS], ["deploy", "1.1"], ["upgrade"]):
        said = refusal(client, *command)
        assert ": [7] Couldn't connect to server\n" in said and "did you mean" not in said
    client.done("install", "app")


@pytest.mark.parametrize("damage", [b"", bytes(8)])
@BOTH
def test_damaged_objects(client: Host, stream: Stream, server: Server, command: str, damage: bytes) -> None:
    plus = stream.publish("p1")
    objects = {path: path.read_bytes() for path in (stream.repo / "objects").glob("*/*.filez")}
    for path, content in objects.items():
        path.write_bytes(content[:-8] + damage)
    said = refusal(client, command, PLUS)
    assert "Error: pulling toy/1/plus from toys: Writing content object: " in said
    for path, content in objects.items():
        path.write_bytes(content)
    commit = stream.repo / f"objects/{plus[:2]}/{plus[2:]}.commit"
    content = commit.read_bytes()
    commit.write_bytes(content[:-8] + damage)
    client.wait_for_cleaner()
    ostree("prune", client.repo, "--refs-only")
    assert "Error: pulling toy/1/plus from toys: " in refusal(client, command, PLUS)
    commit.write_bytes(content)
    client.done(command, PLUS)
    client.fsck()


@BOTH
def test_a_remote_without_summary(client: Host, stream: Stream, server: Server, command: str) -> None:
    stream.publish("p1")
    (stream.repo / "summary").unlink()
    assert "(did you mean toy/1/plus?)" not in refusal(client, command, "toys:toy/1/pluss")
    client.done(command, PLUS)
    assert client.status()[0]["version"] == "p1"
    said = refusal(client, command, "toys:toy/1/pluss")
    assert "Error: pulling toy/1/pluss from toys: " in said and "(did you mean toy/1/plus?)" in said


@BOTH
def test_half_a_commit(client: Host, stream: Stream, command: str) -> None:
    plus = stream.publish("p1")
    ostree("pull", "--commit-metadata-only", client.repo, REMOTE, "toy/1/plus")
    ostree("remote", "delete", client.repo, REMOTE)
    for word in (plus, PLUS):
        assert "Error: there is no remote toys\n" in refusal(client, command, word)
    follow(client, f"file://{stream.repo}")
    client.done(command, plus)
    assert client.deployments()[0].startswith(plus)
    client.fsck()


def test_a_tree_whose_packages_only_its_database_knows(client: Host, stream: Stream) -> None:
    bare = ["--branch=toy/bare", f"--tree=ref={stream.publish('p1')}"]
    checksum = ostree("commit", f"--repo={stream.repo}", *bare).strip()
    ostree("summary", "-u", f"--repo={stream.repo}")
    assert "Packages: 1 added\n" in client.done("rebase", "toys:toy/bare")
    assert client.deployments()[0].startswith(checksum)
    client.done("install", "app")
    client.done("system-switch", PLUS)
    client.done("system-switch", "toys:toy/bare")
    assert streams.names(client) == {"toy-base", "toy-tool", "extra", "app", "lib"}


@BOTH
def test_a_commit_of_another_remote(client: Host, stream: Stream, command: str) -> None:
    plus = stream.publish("p1")
    ostree("remote", "add", "--no-gpg-verify", client.repo, "others", f"file://{stream.repo}")
    follow(client, f"file://{stream.repo}-that-is-away")
    client.done(command, f"others:{plus}")
    assert client.deployments()[0].startswith(plus)
    client.fsck()


def test_from_a_tree_that_the_user_named_back_to_a_ref_that_is_older(client: Host, stream: Stream) -> None:
    later = stream.publish("2.1")
    client.done("system-switch", f"toys:{later}")
    client.done("system-switch", BASE)
    assert client.status()[0]["version"] == "1.1"
    client.done("deploy", f"toys:{later}")
    client.done("upgrade")
    assert client.status()[0]["version"] == "1.1"


@pytest.mark.parametrize("act", ["raise", "kill"])
@BOTH
def test_a_ref_never_names_half_a_tree(client: Host, stream: Stream, command: str, act: str) -> None:
    stream.publish("p1")
    before = refs_of(client)
    client.dnf("-y", command, PLUS, extra={"OSTREE_LAYER_FAILPOINT": f"pull::looked={act}"})
    assert [ref for ref in refs_of(client) if ref.startswith("toys:")] == before
    client.done("install", "app")
    assert [ref for ref in refs_of(client) if not ref.startswith("ostree-layer/")] == before
    client.fsck()


def test_to_forget_what_nobody_asked_for(client: Host) -> None:
    client.done("install", "app")
    said = refusal(client, "recompose", "--forget", "apq")
    assert "Error: nothing that was asked for is called apq\n(did you mean app?)\n" in said
    assert "(asked for: app)" in refusal(client, "recompose", "--forget", "htop")
