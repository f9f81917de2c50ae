# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces: one of a server and many of clients, on one bridge, gone after the test."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests import nginx, streams
from tests.streams import Stream
from tests.sysroots import RPMDB, Host, ostree

PREFIX = "dnf-ostree-test"
SERVER = "10.77.0.1"
UNVERIFIED = ("--no-gpg-verify",)


def _ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def made(count: int) -> Iterator[list[str]]:
    """The namespace of a server, which has the address SERVER, and those of `count` clients that reach it."""
    sweep()
    mark = f"{PREFIX}-{os.getpid()}-{secrets.token_hex(3)}"
    names = [f"{mark}-{number}" for number in range(count + 1)]
    try:
        for name in names:
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", names[0], "link", "add", "bridge", "type", "bridge")
        _ip("-n", names[0], "address", "add", f"{SERVER}/16", "dev", "bridge")
        _ip("-n", names[0], "link", "set", "bridge", "up")
        for number, name in enumerate(names[1:], 1):
            _connect(names[0], name, number)
        yield names
    finally:
        _remove(name for name in names if name in there())


def _connect(server: str, client: str, number: int) -> None:
    ends = ["link", "add", f"client{number}", "type", "veth", "peer", "name", "eth", "netns", client]
    _ip("-n", server, *ends)
    _ip("-n", server, "link", "set", f"client{number}", "master", "bridge", "up")
    _ip("-n", client, "address", "add", f"{address(number)}/16", "dev", "eth")
    _ip("-n", client, "link", "set", "eth", "up")


def address(number: int) -> str:
    """The address of the client with a number, from 1 up."""
    return f"10.77.{1 + number // 200}.{1 + number % 200}"


def sweep() -> None:
    """Remove what killed runs of the tests have left."""
    mine = [name for name in there() if name.startswith(f"{PREFIX}-")]
    _remove(name for name in mine if not Path("/proc", name[len(PREFIX) + 1 :].split("-")[0]).exists())


def there() -> set[str]:
    return {line.split()[0] for line in _ip("netns", "list").splitlines()}


def _remove(names: Iterator[str]) -> None:
    for name in names:
        subprocess.run(["ip", "netns", "delete", name], check=False)


@dataclasses.dataclass(frozen=True)
class Client(Host):
    """A host whose dnf runs in a network namespace."""

    namespace: str

    def dnf_argv(self, *arguments: str) -> list[str]:
        return ["ip", "netns", "exec", self.namespace, *super().dnf_argv(*arguments)]

    @property
    def commit(self) -> str:
        return self.deployments()[0].partition(".")[0]

    def require_whole(self, published: dict[str, str]) -> str:
        """That its tree is one of those that were published, by version, whole and with its packages; which it is."""
        versions = {commit: version for version, commit in published.items()}
        assert self.commit in versions, f"{self.folder} has a commit that nobody has published"
        version = versions[self.commit]
        self.fsck()
        assert _packages(self) == streams.packages_of(version)
        return version


def _packages(host: Host) -> set[str]:
    argv = ["rpm", "-qa", f"--dbpath={host.tree / RPMDB}", "--queryformat=%{nevra}\n"]
    return set(subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split())


@contextlib.contextmanager
def clients(stream: Stream, folder: Path, count: int, *, verify: Sequence[str] = UNVERIFIED) -> Iterator[list[Client]]:
    """So many hosts that follow the stream, all of one sysroot, served by nginx in a namespace of its own.

    `verify` are options of `ostree remote add`.
    """
    folder.mkdir()
    with made(count) as names, contextlib.ExitStack() as served:
        inside = ["ip", "netns", "exec", names[0]]
        url = served.enter_context(nginx.serving(stream.repo, folder / "nginx", address=f"{SERVER}:80", inside=inside))
        first = stream.host(folder / "first")
        ostree("remote", "delete", first.repo, streams.REMOTE)
        ostree("remote", "add", *verify, first.repo, streams.REMOTE, url)
        # Where there is no newer tree, they are not to make one.
        (first.folder / "plugins.d/ostree.conf").write_text("[main]\nupgrade=tree\n")
        hosts = [Client(folder / f"host{number}", name) for number, name in enumerate(names[1:], 1)]
        for host in hosts:
            subprocess.run(["cp", "-a", os.fspath(first.folder), os.fspath(host.folder)], check=True)
        yield hosts
        for host in hosts:
            host.wait_for_cleaner()


def all_at_once(hosts: list[Client], *arguments: str) -> list[subprocess.CompletedProcess[str]]:
    """Run dnf on all of them."""
    with ThreadPoolExecutor(len(hosts)) as pool:
        return list(pool.map(lambda host: host.dnf("-y", *arguments), hosts))
