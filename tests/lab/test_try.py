# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf try` on a booted host: by sudo, on a terminal, with accounts, and after live application."""

from __future__ import annotations

import re
import select
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import conftest
from tests.lab import host
from tests.lab.host import ENVIRONMENT, SoftHost

TRY = "sudo dnf -yq try tree"
LAYER = "/sysroot/ostree/repo/extensions/ostree-layer"


@pytest.fixture(scope="module")
def machine() -> Iterator[SoftHost]:
    """A host with sudo, and a user who may use it."""
    with tempfile.TemporaryDirectory(prefix="try-", dir=conftest.place()) as folder:
        made = host.make(Path(folder, "host"))
        try:
            done(made, "dnf -yq install sudo --apply-live && useradd -m -G audio -s /bin/bash me")
            done(made, "echo 'me ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/me")
            yield made
        finally:
            made.remove()


def done(machine: SoftHost, command: str, status: int = 0, user: str = "root") -> str:
    """What a command, which ends with a status, prints."""
    result = machine.run("runuser", "-u", user, "--", "bash", "-c", command)
    assert result.returncode == status, f"{command}: {result.stdout}"
    return result.stdout


def test_a_user_works_in_his_home_and_leaves_nothing_else(machine: SoftHost) -> None:
    script = "id -un; id -Gn; pwd; umask; tree --noreport; touch built /var/tmp/gone /tmp/built; sudo touch /etc/gone"
    before = done(machine, "ostree admin status; findmnt --list; ls /var/lib /etc")
    words = f"cd; mkdir src; cd src; umask 027; {TRY} -- bash -c '{script}; touch /usr/gone' 2>/dev/null"
    printed = done(machine, words, 1, "me")
    assert printed.splitlines() == ["me", "me audio", "/var/home/me/src", "0027", "."]
    assert done(machine, "find /var /etc /tmp -name gone -o -name built").split() == [
        "/var/home/me/src/built",
        "/tmp/built",
    ]
    assert done(machine, "ostree admin status; findmnt --list; ls /var/lib /etc") == before
    assert done(machine, f"ls {LAYER}/staging") == "" and "tree: not found" in done(machine, "sh -c tree", 127)


def test_without_privileges_nothing_happens(machine: SoftHost) -> None:
    assert "has to be run with superuser privileges" in done(machine, "dnf -y try tree", 1, "me")


def test_accounts_and_defaults_are_made_for_the_trial_alone(machine: SoftHost) -> None:
    words = "getent group crontab; ls -d /etc/crontab /var/spool/cron/*; dnf -q repoquery --installed sudo; dnf status"
    printed = done(machine, f"dnf -yq try cron -- bash -c '{words}' 2>&1", 1)
    assert "\ncrontab:x:" in f"\n{printed}" and "\n/etc/crontab\n/var/spool/cron/crontabs\n" in printed
    assert "\nsudo-0:1.9" in printed
    assert "\nError: this is what 'dnf try' shows, which has no deployments\n(leave it first)\n" in printed
    assert "cron" not in done(machine, "cat /etc/group; ls -R /etc /var/spool")


class Terminal:
    """A user's shell on a terminal of the host."""

    def __init__(self, machine: SoftHost) -> None:
        argv = machine.argv("script", "-qec", "runuser -u me -- bash --norc", "/dev/null")
        pipe, both = subprocess.PIPE, subprocess.STDOUT
        self.process = subprocess.Popen(argv, env=ENVIRONMENT, stdin=pipe, stdout=pipe, stderr=both, bufsize=0)

    def type(self, keys: str, expected: str) -> str:
        """What the terminal shows, from the keys that are typed to what is expected."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(keys.encode())
        shown = ""
        while not re.search(expected, shown):
            assert select.select([self.process.stdout], [], [], 30)[0], shown
            block = self.process.stdout.read(1 << 16)
            assert block, shown
            shown += block.decode().replace("\r\n", "\n")
        return shown


def test_a_shell_has_a_terminal_and_its_jobs(machine: SoftHost) -> None:
    terminal = Terminal(machine)
    terminal.type(f"{TRY}\n", r"\[?me@.*\$ $")
    assert "tree v2" in terminal.type("tree --version; echo re''ady $$\n", r"ready \d+\n")
    sleeping = r"""bash -c 'trap "echo bac\k" CONT; echo u\p; while sleep 0.1; do :; done'"""
    terminal.type(f"{sleeping}\n", "up\n")
    terminal.type("\x1a", "Stopped")
    assert "sleep 0.1" in terminal.type("jobs; echo li''sted\n", "listed\n")
    terminal.type("fg\n", "back\n")
    terminal.type("\x03", r"\^C")
    assert "ended 130" in terminal.type("echo en''ded $?\n", r"ended \d+")
    terminal.type("exit 5\n", "exit")
    assert "ended 5" in terminal.type("echo en''ded $?\n", r"ended \d+")
    terminal.type(f"{TRY} -- {sleeping}\n", "\nup\n")
    terminal.type("\x03", r"\^C")
    assert "ended 130" in terminal.type("echo en''ded $?\n", r"ended \d+")
    terminal.type("exit\n", "exit")
    assert terminal.process.wait(20) == 0


def test_what_is_kept_stands_on_what_waits(machine: SoftHost) -> None:
    printed = done(machine, "dnf -y try tree --keep --apply-live -- tree --version 2>&1 && tree --version")
    assert "Adding to deployment" in printed and "Staged deployment " in printed and printed.count("tree v2") == 2
    assert "Layered packages: sudo tree\n" in done(machine, "dnf status")
