# SPDX-License-Identifier: GPL-2.0-or-later
"""Real packages with their scripts on a soft-booted host: each alone and all at once, there and gone again."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import conftest, guard, sysroots
from tests.lab import host, real
from tests.lab.host import SoftHost
from tests.lab.real import NEEDS, REMAINS, Need

pytestmark = pytest.mark.xdist_group("real")

# The better one to Debian.
TWO_EDITORS = "readlink -e /usr/bin/editor: '/usr/bin/nano', not '/usr/bin/vim.tiny'"


@contextlib.contextmanager
def administered() -> Iterator[SoftHost]:
    """A host whose /etc/passwd is no longer the tree's: its admin has users there, one with the id that is next."""
    with tempfile.TemporaryDirectory(prefix="real-", dir=conftest.place()) as folder:
        machine = host.make(Path(folder, "host"))
        try:
            done(machine, "useradd --create-home admin && useradd --system --uid 100 --user-group mine")
            yield machine
        finally:
            machine.remove()


@pytest.fixture(scope="module")
def machine() -> Iterator[SoftHost]:
    """One host for the packages that come and go one after the other."""
    with administered() as made:
        yield made


def done(machine: SoftHost, command: str) -> str:
    """Run a shell command, which succeeds."""
    result = machine.run("bash", "-c", command)
    assert result.returncode == 0, f"{command}: {result.stdout}"
    return result.stdout


def newest(machine: SoftHost) -> str:
    """The commit that boots next."""
    return sysroots.ostree("admin", "status", f"--sysroot={machine.sysroot}").replace("*", " ").split()[1].split(".")[0]


@functools.lru_cache(maxsize=2)  # what one test leaves is what the next one begins with
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
    assert {path: how for path, how in differences(machine, base).items() if path not in REMAINS} == {}


def test_all_at_once() -> None:
    names = " ".join(NEEDS)
    with administered() as machine:
        base = newest(machine)
        done(machine, f"dnf -y install {names}")
        machine.reboot()
        wrong = [line for need in NEEDS.values() for line in complaints(machine, need) if line != TWO_EDITORS]
        done(machine, f"dnf -y remove {names}")
        machine.reboot()
        found = differences(machine, base)
    assert wrong == []
    assert {path: how for path, how in found.items() if path not in REMAINS} == {}
    assert REMAINS.keys() - found.keys() == set()


def test_two_editors_one_after_the_other(machine: SoftHost) -> None:
    """The second transaction knows of the first one's alternatives, and so does the host."""
    for command, editor in (
        ("install vim-tiny", "/usr/bin/vim.tiny"),
        ("install nano", "/usr/bin/nano"),
        ("remove nano", "/usr/bin/vim.tiny"),
    ):
        done(machine, f"dnf -y {command}")
        machine.reboot()
        assert done(machine, "readlink -e /usr/bin/editor").strip() == editor
        known = done(machine, "update-alternatives --list editor").split()
        assert known == (["/bin/nano", "/usr/bin/vim.tiny"] if command == "install nano" else ["/usr/bin/vim.tiny"])
    done(machine, "dnf -y remove vim-tiny")
    machine.reboot()
    assert machine.run("ls", "/usr/bin/editor").returncode != 0


def test_scripts_find_what_former_ones_left_in_var(machine: SoftHost) -> None:
    names = ("polkitd", "vim-tiny", "exim4-daemon-light")
    for command in ("install", "reinstall"):
        done(machine, f"dnf -y {command} {' '.join(names)}")
        machine.reboot()
    wrong = [line for name in names for line in complaints(machine, NEEDS[name])]
    done(machine, f"dnf -y remove {' '.join(names)}")
    machine.reboot()
    assert wrong == []


def test_ids_of_users_that_went_and_came_back(machine: SoftHost) -> None:
    """A user whose package is gone stays on the host, so its id is not free; and is its own when it comes back."""
    for command in ("install chrony", "remove chrony", "install redis-server", "install chrony"):
        done(machine, f"dnf -y {command}")
        machine.reboot()
    wrong = complaints(machine, NEEDS["redis-server"]) + complaints(machine, NEEDS["chrony"])
    done(machine, "dnf -y remove redis-server chrony")
    machine.reboot()
    assert wrong == []


def test_the_page_is_true() -> None:
    assert (guard.CHECKOUT / "docs/real-packages.md").read_text() == real.page()
