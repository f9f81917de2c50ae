# SPDX-License-Identifier: GPL-2.0-or-later
"""A network with a build server on it, and hosts that were installed with its trees: soft-booted ones, or machines."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests import guard, netns
from tests.lab import host, kernels, prototypes, world
from tests.lab.host import SoftHost, Source
from tests.lab.prototypes import REFS
from tests.lab.vm_host import VmHost
from tests.sysroots import ostree

REMOTE = "trees"
HOSTS = 2
# Where this is set, hosts are virtual machines.
IN_MACHINES = "OSTREE_LAYER_LAB_VM"


class Site:
    """A build server, whose folder `www` hosts find at `url`, and the namespaces of its hosts."""

    url = f"http://{netns.SERVER}"

    def __init__(self, folder: Path, namespaces: list[str]) -> None:
        self._folder, self._namespaces, self._made = folder, namespaces, prototypes.made()
        self.www, self.hosts = folder / "www", contextlib.ExitStack()
        self.www.mkdir()
        shutil.copytree(self._made / "store", self.www / "trees", symlinks=True, copy_function=os.link)
        for name, place in {
            "world": world.repository(),
            "more": self._made / "more",
            "kernels": kernels.repository(),
        }.items():
            (self.www / name).symlink_to(place)

    def publish(self, version: str, kind: str) -> None:
        """Let hosts that follow a tree find a version of it."""
        prototypes.publish(self._folder, self._made / "repo", self.www / "trees", version, kind)

    def commit(self, kind: str, version: str = "1") -> str:
        return ostree("rev-parse", f"--repo={self._made}/repo", f"{version}/{REFS[kind]}").strip()

    def host(self, kind: str, number: int = 1) -> SoftHost | VmHost:
        """The host of a number, which has booted the first version of a tree and follows it."""
        folder, namespace = self._folder / f"host{number}", self._namespaces[number]
        # A host configures its network by itself.
        subprocess.run(["ip", "-n", namespace, "address", "flush", "dev", "eth"], check=True)
        if IN_MACHINES in os.environ:
            machine = VmHost(folder, namespace, number)
            self.hosts.callback(machine.remove)
            install = functools.partial(self._install, kind)
            machine.begin(f"machine-{kind}-{number}", self.commit(kind).encode(), install)
            return machine
        made = SoftHost(folder, namespace=namespace, address=netns.address(number))
        self.hosts.callback(made.remove)
        self._install(kind, made.sysroot)
        made.boot()
        return made

    def _install(self, kind: str, sysroot: Path) -> None:
        """Deploy a tree in a new sysroot, which follows it."""
        source = Source(REMOTE, f"{self.url}/trees", REFS[kind], self._made / "repo")
        host.follow(sysroot, source, self.commit(kind))


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Site]:
    """A site for the body, in a folder; it is over afterwards."""
    with netns.made(HOSTS) as namespaces:
        site = Site(folder, namespaces)
        argv = ["ip", "netns", "exec", namespaces[0], guard.PYTHON, "-m", "http.server", "--bind", netns.SERVER, "80"]
        quiet = subprocess.DEVNULL
        with subprocess.Popen([*argv, f"--directory={site.www}"], stdout=quiet, stderr=quiet) as server:
            try:
                with site.hosts:
                    yield site
            finally:
                server.terminate()
