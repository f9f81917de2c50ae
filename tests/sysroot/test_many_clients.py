# SPDX-License-Identifier: GPL-2.0-or-later
"""Hosts in network namespaces of their own that follow one server, all at once."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

from tests import netns, stores
from tests.stores import Place
from tests.streams import BASE_REF, Stream
from tests.sysroot.test_hosting import POINTS

COUNT = 50


def test_fifty_clients_of_a_publisher_that_is_killed_at_every_phase(
    signed_store: Place, composed: Path, folder: Path
) -> None:
    place = stores.copied(signed_store, folder)
    published = {version: place.commit(version) for version in ("1.1", "1.2", "1.3")}
    verify = (f"--gpg-import={place.store}/key.asc", "--set=gpg-verify-summary=true")
    with netns.clients(Stream(composed, place.store), folder / "ground", COUNT, verify=verify) as hosts:
        publisher = threading.Thread(target=publish_and_be_killed, args=(place,))
        publisher.start()
        done = netns.all_at_once(hosts, "upgrade")
        publisher.join()
        assert [run.stdout for run in done if run.returncode not in (0, 77)] == []
        for host in hosts:
            host.require_whole(published)
        assert place.refs() == {BASE_REF: published["1.3"]}
        late = hosts[:2]
        assert [run.returncode for run in netns.all_at_once(late, "upgrade")] == [0, 0]
        assert {host.require_whole(published) for host in late} == {"1.3"}
        namespaces = {host.namespace for host in hosts}
        assert namespaces <= netns.there()
    assert not namespaces & netns.there()


def publish_and_be_killed(place: Place) -> None:
    for version in ("1.2", "1.3"):
        for point in POINTS:
            assert place.tree(*place.publish_argv(version), extra=stores.at(point, "kill")).returncode == -9
        place.publish(version)


def test_the_network_is_that_of_the_namespaces_alone(stream: Stream, folder: Path) -> None:
    stream.publish("1.2")
    with netns.clients(stream, folder / "ground", 1) as [host]:
        subprocess.run(["ip", "-n", host.namespace, "link", "set", "eth", "down"], check=True)
        before = host.deployments()
        done = host.dnf("-y", "upgrade")
        assert done.returncode == 1 and f"While fetching http://{netns.SERVER}" in done.stdout, done.stdout
        assert host.deployments() == before
