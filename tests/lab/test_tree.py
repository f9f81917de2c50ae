# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees of real packages: the same on two machines, and what rpm and the dynamic linker make of one that is booted."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import toys
from tests.lab import host
from tests.lab.host import SoftHost
from tests.sysroots import ostree
from tests.toys import Toy

HERE = "/var/lib/toys"
DNF = f"dnf -y --repofrompath=toys,file://{HERE} --nogpgcheck"
LIBRARIES = "/usr/lib/toy-libraries"
ACCOUNT = Toy("account", files={"/usr/lib/sysusers.d/toy.conf": "u toy - - /\n"})
ELSEWHERE = "export TZ=Asia/Tokyo LC_ALL=de_DE.UTF-8 PYTHONHASHSEED=7; umask 077; "


def library() -> Toy:
    """One that only the linker's cache leads to; it is the library that this process has of zlib."""
    assert zlib.ZLIB_VERSION
    (found,) = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "/libz.so" in line}
    files = {
        "/etc/ld.so.conf.d/toy.conf": f"{LIBRARIES}\n".encode(),
        f"{LIBRARIES}/libz.so.1": Path(found).read_bytes(),
    }
    return Toy("library", files=files, attributes={f"{LIBRARIES}/libz.so.1": "0755,root,root"})


@pytest.fixture
def machines(folder: Path) -> Iterator[tuple[SoftHost, SoftHost]]:
    """Two, the second in another place; both have the toys."""
    toys.repository(folder / "rpms", [library(), ACCOUNT])
    made = (host.make(folder / "host"), host.make(folder / "at/another/place"))
    for machine in made:
        shutil.copytree(folder / "rpms", machine.sysroot / f"ostree/deploy/{host.STATEROOT}{HERE}")
    yield made
    for machine in made:
        machine.remove()


def run(machine: SoftHost, command: str) -> str:
    done = machine.run("bash", "-c", command)
    assert done.returncode == 0, done.stdout
    return done.stdout


def content(machine: SoftHost) -> list[str]:
    local = f"ostree-layer/local/{host.STATEROOT}"
    return ostree("ls", f"--repo={machine.sysroot}/ostree/repo", "-R", "-C", "-X", local).splitlines()


def test_real_trees(machines: tuple[SoftHost, SoftHost]) -> None:
    here, there = machines
    verify = "rpm -Va --nomtime || :"
    before = run(here, verify)
    install = f"SOURCE_DATE_EPOCH=1700000000 {DNF} install htop nano account library"
    run(there, ELSEWHERE + install)
    run(here, "mkdir /var/mine && cp /usr/lib*/*/libz.so.1 /var/mine && echo /var/mine > /etc/ld.so.conf.d/mine.conf")
    said = run(here, f"ldconfig && {install}")
    assert content(here) == content(there)

    assert "ldconfig was run on this host: run it again after the reboot, for programs to find all new" in said
    for machine in machines:
        machine.reboot()
    assert {*run(here, verify).splitlines()} <= {*before.splitlines()}, "nothing is amiss that was not before"
    run(here, "rpm -V --nomtime htop nano account library && ostree fsck")
    cached = f"ldconfig -p | grep -c {LIBRARIES}/ || :"
    assert (run(there, cached), run(here, cached)) == ("1\n", "0\n")
    assert run(here, f"ldconfig && {cached}") == "1\n"
    assert "/var/mine/libz.so.1" in run(here, "ldconfig -p")
    assert run(here, "ls /etc/machine-id /etc/hostname /etc/resolv.conf 2> /dev/null || :") == "/etc/machine-id\n"
