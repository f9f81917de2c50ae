# SPDX-License-Identifier: GPL-2.0-or-later
"""`--reboot`, `--soft-reboot` and `dnf system-commit` where nothing is booted: refused before anything is done."""

from __future__ import annotations

import pytest

from tests.sysroots import Host
from tests.toys import APP, LIB


@pytest.mark.parametrize(
    ("option", "command"),
    [
        ("--reboot", "install app"),
        ("--soft-reboot", "upgrade"),
        ("--soft-reboot", "rollback"),
        ("--reboot", "system-commit"),
    ],
)
def test_it_needs_the_booted_host(host: Host, option: str, command: str) -> None:
    host.offer(APP, LIB)
    before = host.deployments()
    result = host.dnf("-y", option, *command.split())
    assert result.returncode == 1
    where = f"{option} needs the booted OSTree host; this run is about {host.sysroot}"
    assert result.stdout.endswith(f"Error: {where}\n") and "resolved" not in result.stdout, result.stdout
    assert host.deployments() == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--reboot --soft-reboot install app", "--reboot and --soft-reboot are two ways: choose one"),
        ("--reboot --preview install app", "--reboot has nothing to start with --preview: that deploys nothing"),
        ("--soft-reboot --check upgrade", "--soft-reboot has nothing to start with --check: that deploys nothing"),
        ("--reboot --downloadonly upgrade", "--reboot has nothing to start with --downloadonly: that deploys nothing"),
        ("--reboot pin", "'dnf pin' makes nothing to boot: --reboot is not for it"),
        ("--reboot stateroot list", "'dnf stateroot' makes nothing to boot: --reboot is not for it"),
        ("--reboot upgrade --automatic", "--automatic is for 'dnf upgrade' alone; ostree.conf says what it does"),
    ],
)
def test_what_makes_no_sense(host: Host, words: str, sentence: str) -> None:
    result = host.dnf("-y", *words.split())
    assert result.returncode == 1 and result.stdout.endswith(f"Error: {sentence}\n"), result.stdout


def test_what_is_not_booted_has_nothing_by_hand(host: Host) -> None:
    result = host.dnf("-y", "system-commit")
    sentence = f"'dnf system-commit' is about the /usr that runs, and {host.sysroot} is not what is booted"
    assert result.returncode == 1 and result.stdout.endswith(f"Error: {sentence}\n"), result.stdout
    result = host.dnf("system-commit", "--preview")
    assert "Error: 'dnf system-commit' knows no preview; --assumeno shows what it does\n" in result.stdout
