# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree serve`: a store on loopback."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import guard, stores
from tests.stores import Place
from tests.streams import BASE_REF
from tests.sysroots import ostree


@pytest.fixture
def place(signed_store: Place, folder: Path) -> Place:
    return stores.copied(signed_store, folder)


@contextlib.contextmanager
def serving(place: Place, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The server, as soon as it says where it is; that, and the process."""
    argv = guard.dnf_argv(place.folder, None, "--releasever=1", "tree", "serve", os.fspath(place.store), *options)
    sealed, environment = guard.sealed(place.folder, argv), guard.environment(place.folder)
    with subprocess.Popen(sealed, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().split()[3].rstrip("/"), server
        finally:
            server.send_signal(signal.SIGINT)


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as e:
        return e.code


@pytest.mark.parametrize("options", [[], ["--ipv6"]])
def test_clients_pull_from_it(place: Place, options: list[str]) -> None:
    with serving(place, "--port=0", *options) as (url, server):
        assert url.startswith("http://[::1]:" if options else "http://127.0.0.1:")
        here = stores.client(place.folder / "here", url)
        stores.pull(here, BASE_REF)
        server.send_signal(signal.SIGINT)
        said, _nothing = server.communicate(timeout=20)
    assert '"GET /summary HTTP/1.1" 200 -\n' in said
    assert ostree("rev-parse", here, f"toys:{BASE_REF}").strip() == place.commit("1.1")


def test_nothing_but_what_clients_need(place: Place) -> None:
    with serving(place, "--port=0") as (url, _server):
        assert {status(f"{url}/{name}") for name in ("config", "summary", f"refs/heads/{BASE_REF}")} == {200}
        hidden = (
            "",
            "objects",
            "extensions/ostree-layer/lock",
            "tmp",
            "state",
            "refs/../extensions",
            ".lock",
            "%2e%2e",
        )
        assert {status(f"{url}/{name}") for name in hidden} == {404}


def test_a_port_that_is_taken(place: Place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = place.refused("serve", str(place.store), f"--port={port}")
    assert f"Error: listening on port {port} of 127.0.0.1: " in said and "(--port=PORT names another one)\n" in said
    assert "Error: 'dnf tree serve' has nothing to report" in place.refused("serve", str(place.store), "--json")
