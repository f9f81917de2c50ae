# SPDX-License-Identifier: GPL-2.0-or-later
"""Copies of a store where rsync reaches: a daemon's folder, and a machine behind SSH."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers, stores
from tests.stores import Place
from tests.streams import BASE_REF
from tests.sysroots import ostree


@pytest.fixture
def place(signed_store: Place, folder: Path) -> Place:
    return stores.copied(signed_store, folder)


@contextlib.contextmanager
def listening(argv: list[str], port: int) -> Iterator[None]:
    """A server, as soon as it can be spoken to."""
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            while server.poll() is None:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            yield
        finally:
            server.terminate()


@pytest.fixture
def daemon(folder: Path) -> Iterator[str]:
    """A module of an rsync daemon, whose folder is `copy`."""
    port, copy = servers.free_port(), folder / "copy"
    copy.mkdir()
    (folder / "rsyncd.conf").write_text(
        f"use chroot = no\nuid = 0\ngid = 0\n[trees]\npath = {copy}\nread only = no\nmunge symlinks = no\n"
    )
    argv = ["rsync", "--daemon", "--no-detach", "--address=127.0.0.1", f"--port={port}"]
    with listening([*argv, f"--config={folder}/rsyncd.conf"], port):
        yield f"rsync://127.0.0.1:{port}/trees/"


def seen(place: Place, where: str) -> str:
    """What a client of the copy, which demands all signatures, gets; each time one that knows nothing."""
    ostree("pull", where, "toys", BASE_REF)
    return ostree("rev-parse", where, f"toys:{BASE_REF}").strip()


def test_a_copy_that_is_killed_at_each_step(place: Place, daemon: str) -> None:
    said = place.publish("1.1", f"--push-to={daemon}")
    assert said.endswith(f"{daemon} is a copy of it now.\n")
    with servers.serving(place.folder / "copy") as server:
        where = stores.client(place.folder / "here", server.url, place.store / "key.asc")
        for number in range(6):
            killed = place.tree(
                *place.publish_argv("1.2", f"--push-to={daemon}"), extra=stores.at(f"push::{number}", "kill")
            )
            assert killed.returncode == -9
            assert seen(place, where) == place.commit("1.1" if number < 3 else "1.2")
        place.publish("1.2", f"--push-to={daemon}")
        assert seen(place, where) == place.commit("1.2")
    store, copy = (ostree("fsck", f"--repo={path}") for path in (place.store, place.folder / "copy"))
    assert store == copy


def test_what_is_gone_here_goes_there(place: Place, daemon: str) -> None:
    place.host(f"--push-to={daemon}")
    place.publish("1.2")
    said = place.done("prune", str(place.store), "--keep=1")
    assert said.endswith(f"{daemon} is a copy of it now.\n")
    copied = {path.relative_to(place.folder / "copy") for path in (place.folder / "copy/objects").rglob("*.filez")}
    assert copied == {path.relative_to(place.store) for path in (place.store / "objects").rglob("*.filez")}
    assert not (place.folder / "copy/extensions").exists()


def test_over_ssh(place: Place, folder: Path) -> None:
    port, home = servers.free_port(), folder / "home"
    (home / ".ssh").mkdir(mode=0o700, parents=True)
    for name in ("host", "home/.ssh/id_ed25519"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", os.fspath(folder / name)]
        subprocess.run(argv, check=True)
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"PermitRootLogin prohibit-password\nAuthorizedKeysFile {home}/.ssh/id_ed25519.pub\n"
    )
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    rsh = f"ssh -p {port} -i {home}/.ssh/id_ed25519 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    with listening(["/usr/sbin/sshd", "-D", "-f", os.fspath(folder / "sshd_config")], port):
        destination = f"root@127.0.0.1:{folder}/copy/"
        done = place.tree(*place.publish_argv("1.1", f"--push-to={destination}"), extra={"RSYNC_RSH": rsh})
        assert done.returncode == 0, done.stderr
    assert ostree("rev-parse", f"--repo={folder}/copy", BASE_REF).strip() == place.commit("1.1")


def test_nobody_there(place: Place) -> None:
    said = place.refused(*place.publish_argv("1.2", f"--push-to=rsync://127.0.0.1:{servers.free_port()}/trees/"))
    assert "Error: copying the store by rsync: rsync" in said and "Connection refused" in said
    assert "already as it is here: the same command goes on from there)\n" in said
    assert place.refs() == {BASE_REF: place.commit("1.2")}, "the store itself has it"
