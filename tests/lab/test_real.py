# SPDX-License-Identifier: GPL-2.0-or-later
"""Real packages with their scripts on a soft-booted host: each alone and all at once, there and gone again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import conftest, guard, sysroots
from tests.lab import host, real
from tests.lab.host import SoftHost
from tests.lab.real import NEEDS, Need

pytestmark = pytest.mark.xdist_group("lab")

# What a transaction and its reverse leave different, and why.
LEFT = {
    "/usr/lib/sysimage/rpm/rpmdb.sqlite": "the pages of a database are not in the order of what it says",
    "/usr/lib/sysimage/dnf/history.sqlite": "both transactions are in it",
    "/usr/etc/aliases": "exim4-config makes it, and Debian's scripts leave it to other mailers",
    "/usr/etc/mailname": "exim4-config makes it, and Debian's scripts leave it to other mailers",
    "/usr/etc/hosts": "netbase makes it where there is none, and takes back only that of an older release",
    "/usr/etc/runit": "runit-helper makes it, and Debian's scripts leave it",
    "/usr/etc/runit/runsvdir": "as its parent",
    "/usr/etc/runit/runsvdir/default": "as its parent",
    "/usr/etc/xml": "xml-core removes /var/lib/xml-core first, and then asks whether it is there",
    "/usr/share/man/man1": "postgresql-common makes it; Debian's base system has it",
    "/usr/share/man/man3": "postgresql-common makes it; Debian's base system has it",
    "/usr/share/man/man7": "postgresql-common makes it; Debian's base system has it",
    "/usr/share/polkit-1/rules.d": "systemd's; polkitd narrows its owner and mode, and Debian's scripts leave it so",
}

# The better one to Debian.
TWO_EDITORS = "readlink -e /usr/bin/editor: '/usr/bin/nano', not '/usr/bin/vim.tiny'"


@pytest.fixture(scope="module")
def machine() -> Iterator[SoftHost]:
    """A host whose /etc/passwd is no longer the tree's: its admin has users there, one with the id that is next."""
    with tempfile.TemporaryDirectory(prefix="real-", dir=conftest.place()) as folder:
        made = host.make(Path(folder, "host"))
        try:
            done(made, "useradd --create-home admin && useradd --system --uid 100 --user-group mine")
            yield made
        finally:
            made.remove()


def done(machine: SoftHost, command: str) -> str:
    """Run a shell command, which succeeds."""
    result = machine.run("bash", "-c", command)
    assert result.returncode == 0, f"{command}: {result.stdout}"
    return result.stdout


def newest(machine: SoftHost) -> str:
    """The commit that boots next."""
    return sysroots.ostree("admin", "status", f"--sysroot={machine.sysroot}").replace("*", " ").split()[1].split(".")[0]


def listing(machine: SoftHost, commit: str) -> dict[str, str]:
    """What a commit has at each path: kind, mode, owner, content and extended attributes."""
    lines = sysroots.ostree("ls", f"--repo={machine.sysroot}/ostree/repo", "-R", "-C", commit).splitlines()
    return dict(map(_entry, lines))


def _entry(line: str) -> tuple[str, str]:
    mode, user, group, _size, *checksums, path = line.split(maxsplit=6 if line[0] == "d" else 5)
    if line[0] == "l":
        path, _arrow, target = path.partition(" -> ")
        return path, f"link to {target}"
    # The first checksum of a directory is that of its content, which is listed by itself.
    return path, f"{mode} {user} {group} {checksums[-1]}"


def differences(machine: SoftHost, base: str) -> dict[str, str]:
    """Each path that is not as in the base, with what it was and is."""
    old, new = listing(machine, base), listing(machine, newest(machine))
    paths = [path for path in sorted(old.keys() | new.keys()) if old.get(path) != new.get(path)]
    return {path: f"{old.get(path)} -> {new.get(path)}" for path in paths}


def complaints(machine: SoftHost, need: Need) -> list[str]:
    """What is not as the package needs it."""
    expected = [(f"getent passwd {name} | cut -d: -f1", name) for name in need.users.split()]
    expected += [(f"getent group {name} | cut -d: -f1", name) for name in need.groups.split()]
    expected += [(f"stat -c '%a %U %G' {path}", text) for path, text in {**need.var, **need.files}.items()]
    expected += [(f"getcap {path}", f"{path} {text}") for path, text in need.capabilities.items()]
    expected += [(f"SYSTEMD_OFFLINE=1 systemctl is-enabled {unit}", "enabled") for unit in need.units.split()]
    expected += [(f"readlink -e {link}", target) for link, target in need.links.items()]
    found = [(command, text, machine.run("bash", "-c", command).stdout.strip()) for command, text in expected]
    wrong = [f"{command}: {said!r}, not {text!r}" for command, text, said in found if said != text]
    tried = [(command, machine.run("bash", "-c", command)) for command in need.works]
    return wrong + [f"{command}: {tried.stdout}" for command, tried in tried if tried.returncode != 0]


@pytest.mark.parametrize("name", NEEDS)
def test_package(machine: SoftHost, name: str) -> None:
    base = newest(machine)
    done(machine, f"dnf -y install {name}")
    machine.reboot()
    wrong = complaints(machine, NEEDS[name])
    printed = done(machine, f"dnf -y remove {name}")
    machine.reboot()
    assert wrong == []
    assert [line for line in printed.splitlines() if "remove failed" in line] == []
    assert {path: how for path, how in differences(machine, base).items() if path not in LEFT} == {}


def test_all_at_once(machine: SoftHost) -> None:
    names = " ".join(NEEDS)
    base = newest(machine)
    done(machine, f"dnf -y install {names}")
    machine.reboot()
    wrong = [line for need in NEEDS.values() for line in complaints(machine, need) if line != TWO_EDITORS]
    done(machine, f"dnf -y remove {names}")
    machine.reboot()
    found = differences(machine, base)
    assert wrong == []
    assert {path: found[path] for path in found if path not in LEFT} == {}
    assert LEFT.keys() - found.keys() == set()


def test_the_page_is_true() -> None:
    assert (guard.CHECKOUT / "docs/real-packages.md").read_text() == real.page()
