# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees that a host has made, published for itself and for others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import servers, stores, streams
from tests.stores import Place
from tests.streams import BASE_REF, REMOTE, Stream
from tests.sysroots import Host, ostree
from tests.toys import APP, LIB

NAME = "toy/1/mine"


@pytest.fixture
def place(composed: Path, client: Host) -> Place:
    """A store with the base of the client, which has the app."""
    made = Place(client.folder, composed)
    made.host()
    made.publish("1.1")
    client.done("install", "app")
    return made


def test_to_another_host_and_back(place: Place, client: Host, stream: Stream, folder: Path) -> None:
    said = place.publish_from(client, f"--name={NAME}")
    commit = place.refs()[NAME]
    assert f"{NAME} in {place.store} is now commit {commit[:12]} (1.1.1).\n" in said
    assert f"There is a static delta from commit {place.commit('1.1')[:12]}.\n" in said
    other = stream.host(folder / "other")
    with servers.serving(place.store) as server:
        for host in (client, other):
            ostree("remote", "add", "--no-gpg-verify", host.repo, "mine", server.url)
            host.done("rebase", f"mine:{NAME}")
            assert host.deployments()[0].startswith(commit)
            assert streams.names(host) >= {"app", "lib"} and streams.requests(host) == {}
            host.done("rebase", f"{REMOTE}:{BASE_REF}")
            assert host.deployments()[0].startswith(place.commit("1.1"))
            host.fsck()
    assert {toy.nevra for toy in (APP, LIB)} <= set(place.done("show", NAME, "--packages", place.repo).split())


def test_nothing_of_the_host_but_the_content(place: Place, client: Host) -> None:
    place.publish_from(client, f"--name={NAME}")
    local = client.deployments()[0].partition(".")[0]
    shown = ostree("show", place.repo, "--raw", NAME)
    assert "dnf -y" not in shown and "ostree-layer.transaction" not in shown
    assert local in shown, "where it is from, by its checksum"
    objects = {path.parent.name + path.stem for path in (place.store / "objects").glob("*/*.commit")}
    assert objects == {place.commit("1.1"), place.refs()[NAME]}
    content = {ostree("ls", repo, "-C", ref, "/") for repo, ref in ((place.repo, NAME), (client.repo, local))}
    assert len(content) == 1


def test_versions_count_on(place: Place, client: Host) -> None:
    place.publish_from(client, f"--name={NAME}")
    first = place.refs()[NAME]
    said = place.publish_from(client, f"--name={NAME}")
    assert f"Nothing to do: {NAME} in {place.store} is commit {first[:12]} (1.1.1) already.\n" in said
    client.done("remove", "app")
    assert " (1.1.2).\n" in place.publish_from(client, f"--name={NAME}")
    assert ostree("rev-parse", place.repo, f"{NAME}^").strip() == first
    client.done("install", "other")
    for words in ("now", "already"):
        said = place.publish_from(client, f"--name={NAME}", "--set-version=mine-3")
        assert words in said and " (mine-3)" in said
    log = place.done("log", NAME, place.repo)
    assert "  Removed     app-1-1.noarch\n" in log and "  Added       app-1-1.noarch\n" in log


def test_it_says_how_it_is_made_again(place: Place, client: Host) -> None:
    place.publish_from(client, f"--name={NAME}")
    assert "- app\n" in place.done("export", NAME, place.repo)


def test_a_name_is_needed(place: Place, client: Host) -> None:
    failed = client.dnf("tree", "publish", "0", str(place.store))
    assert failed.returncode == 1
    assert " is no ref that others could know\n(--name=REF gives it a name)\n" in failed.stdout
    done = client.dnf("tree", "publish", ":1.1", str(place.store), f"--name={NAME}")
    assert " (1.1.1).\n" in done.stdout, "the newest of this version is the host's own"
    failed = client.dnf("tree", "publish", "7", str(place.store), f"--name={NAME}")
    assert "Error: there is no deployment 7: " in failed.stdout


@pytest.mark.parametrize("point", ["publish::promoted", "publish::copied", "publish::named"])
def test_killed(place: Place, client: Host, point: str) -> None:
    argv = ["tree", "publish", "0", str(place.store), f"--name={NAME}"]
    assert client.dnf(*argv, extra=stores.at(point, "kill")).returncode == -9
    assert client.dnf(*argv).returncode == 0
    assert "\nNothing to do: " in client.dnf(*argv).stdout
    local = client.deployments()[0].partition(".")[0]
    assert not (place.store / "objects" / local[:2] / f"{local[2:]}.commit").exists(), "it is nobody else's business"
    ostree("fsck", place.repo, "--quiet")
