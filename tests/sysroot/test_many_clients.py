# SPDX-License-Identifier: GPL-2.0-or-later
"""Hosts in network namespaces of their own that follow one server, all at once."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests import netns
from tests.streams import Stream

COUNT = 4


def test_all_go_to_what_was_published(stream: Stream, folder: Path) -> None:
    published = {"1.1": stream.publish("1.1")}
    with netns.clients(stream, folder / "ground", COUNT) as hosts:
        assert {host.require_whole(published) for host in hosts} == {"1.1"}
        published["1.2"] = stream.publish("1.2")
        for done in netns.all_at_once(hosts, "upgrade"):
            assert done.returncode == 0 and f"New deployment {published['1.2'][:12]} (1.2)." in done.stdout, done.stdout
        assert {host.require_whole(published) for host in hosts} == {"1.2"}
        there = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True).stdout
        assert hosts[0].namespace in there
    there = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True).stdout
    assert hosts[0].namespace not in there


def test_the_network_is_that_of_the_namespaces_alone(stream: Stream, folder: Path) -> None:
    stream.publish("1.2")
    with netns.clients(stream, folder / "ground", 1) as [host]:
        subprocess.run(["ip", "-n", host.namespace, "link", "set", "eth", "down"], check=True)
        before = host.deployments()
        done = host.dnf("-y", "upgrade")
        assert done.returncode == 1 and f"While fetching http://{netns.SERVER}" in done.stdout, done.stdout
        assert host.deployments() == before
