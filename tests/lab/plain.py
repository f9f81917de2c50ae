# SPDX-License-Identifier: GPL-2.0-or-later
"""A plain system, which is no OSTree host and may become one: it has dnf, ostree and this checkout."""

from __future__ import annotations

import os
from pathlib import Path

from tests.lab import world
from tests.lab.host import SoftHost
from tests.lab.shop import INSIDE, TILL, VERSIONS, Shop
from tests.sysroots import ostree

SET_UP = "systemd-tmpfiles --create --boot --exclude-prefix=/dev > /dev/null 2>&1; mkdir /home/me"


class PlainHost(SoftHost):
    """The folder that is to be the sysroot has a system in it, which runs until a deployment there is booted."""

    def __init__(self, folder: Path, server: Path) -> None:
        super().__init__(folder, server)
        self._media, self._is_plain = {INSIDE.parent / "world": world.repository(), INSIDE: server}, True

    def argv(self, *command: str) -> list[str]:
        if not self._is_plain:
            return super().argv(*command)
        argv = ["bwrap", "--bind", os.fspath(self.sysroot), "/", "--dev", "/dev", "--proc", "/proc"]
        argv += ["--tmpfs", "/run", "--dir", "/run/systemd/system", "--tmpfs", "/tmp"]
        for place, source in self._media.items():
            argv += ["--ro-bind", os.fspath(source), os.fspath(place)]
        return [*argv, "--unshare-pid", "--unshare-net", "--die-with-parent", *command]

    def shut_down(self) -> None:
        if not self._is_plain:
            super().shut_down()

    def boot(self) -> None:
        self._is_plain = False
        super().boot()


def make(folder: Path, shop: Shop) -> PlainHost:
    """A system of what is in the shop's first tree, with what is packages' in its usual places."""
    host = PlainHost(folder, shop.folder)
    folder.mkdir()
    where = (f"--repo={shop.folder}/repo", "--force-copy")
    ostree("checkout", *where, f"{VERSIONS[0]}/{TILL}", os.fspath(host.sysroot))
    (host.sysroot / "usr/etc").rename(host.sysroot / "etc")
    for name in ("ostree", "home", "root", "srv"):
        (host.sysroot / name).unlink()
        if name != "ostree":
            (host.sysroot / name).mkdir()
    done = host.run("bash", "-c", SET_UP)
    assert done.returncode == 0, done.stdout
    return host
