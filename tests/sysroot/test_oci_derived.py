# SPDX-License-Identifier: GPL-2.0-or-later
"""Images that were built on the image of a tree: a commit of the tree with what they change."""

from __future__ import annotations

import json

import pytest

from tests import encapsulated
from tests.streams import Stream
from tests.sysroots import Host, ostree


def shown(host: Host, key: str) -> str:
    return ostree("show", host.repo, f"--print-metadata-key={key}", host.deployments()[0].partition(".")[0])


FIRST: dict[str, bytes | str | None] = {
    "etc/toy.conf": b"made by = image\n",
    "etc/new.d": None,
    "etc/new.d/file": b"new\n",
    "usr/share/toy/.wh.kept": b"",
    "usr/share/toy/gone/.wh..wh..opq": b"",
    "usr/share/toy/gone/b": b"b\n",
    "usr/bin/tool-link": "toy-tool",
    "var/lib/state": b"1\n",
    "run/": None,
}
SECOND: dict[str, bytes | str | None] = {
    "usr/bin/second": b"2\n",
    "usr/bin/same": "/usr/bin/second",
    "usr/bin/old": "/usr/bin/toy-tool",
}


@pytest.fixture
def built(client: Host, stream: Stream) -> str:
    """An image of two layers on the one of version 1.2, and a host that has gone to it; what that printed."""
    folder = client.folder / "image"
    client.done("tree", "export", "versions/1.2", f"--oci=oci:{folder}:base", f"--repo={stream.composed}")
    encapsulated.append(folder, FIRST, base="base", tag="one")
    encapsulated.append(folder, SECOND, base="one", tag="edge")
    return client.done("rebase", f"oci:{folder}:edge")


def test_what_it_changes_is_merged(client: Host, stream: Stream, built: str) -> None:
    assert "Not taken from the image: what it has in /var, which belongs to hosts.\n" in built
    tree = client.tree
    assert (tree / "usr/etc/toy.conf").read_text() == "made by = image\n"
    assert (tree / "etc/new.d/file").read_text() == "new\n"
    assert not (tree / "usr/share/toy/kept").exists()
    assert [path.name for path in (tree / "usr/share/toy/gone").iterdir()] == ["b"]
    assert (tree / "usr/bin/tool-link").readlink().name == "toy-tool"
    assert (tree / "usr/bin/same").samefile(tree / "usr/bin/second")
    assert (tree / "usr/bin/old").read_text() == (tree / "usr/bin/toy-tool").read_text() == "2\n"
    assert not (tree / "var/lib/state").exists()
    commit = ostree("rev-parse", f"--repo={stream.composed}", "versions/1.2").strip()
    made = client.deployments()[0].partition(".")[0]
    assert f"Parent:  {commit}" in ostree("show", client.repo, made)
    index = json.loads((client.folder / "image/index.json").read_text())["manifests"]
    digest = next(one["digest"] for one in index if "edge" in one["annotations"].values())
    assert shown(client, "ostree.manifest-digest") == f"'{digest}'\n" and shown(client, "version") == "'1.2'\n"


def test_it_is_followed(client: Host, built: str) -> None:
    folder, made = client.folder / "image", client.deployments()[0].partition(".")[0]
    assert "Nothing to do" in client.done("upgrade")
    client.done("install", "other")
    assert client.status()[0]["base"] == made
    encapsulated.append(folder, {"usr/bin/third": b"3\n"}, base="one", tag="edge")
    client.done("upgrade")
    assert (client.tree / "usr/bin/third").exists() and not (client.tree / "usr/bin/second").exists()
    assert (client.tree / "usr/bin/other").exists()
    client.fsck()
