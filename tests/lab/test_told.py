# SPDX-License-Identifier: GPL-2.0-or-later
"""What a booted host tells of a transaction: to the journal, by `dnf status` and `dnf history`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import conftest
from tests.lab import host
from tests.lab.host import SoftHost

# The commit that boots next.
NEWEST = "ostree admin status | awk 'NR == 1 {print $2}' | cut -d. -f1"


@pytest.fixture
def machine() -> Iterator[SoftHost]:
    with tempfile.TemporaryDirectory(prefix="told-", dir=conftest.place()) as folder:
        made = host.make(Path(folder, "host"))
        try:
            yield made
        finally:
            made.remove()


def done(machine: SoftHost, command: str, status: int = 0) -> str:
    """What a command, which ends with a status, prints."""
    result = machine.run("bash", "-c", command)
    assert result.returncode == status, f"{command}: {result.stdout}"
    return result.stdout


def test_a_transaction_is_told_of(machine: SoftHost) -> None:
    assert "\n● 0 world " in f"\n{done(machine, 'dnf status --pending-exit-77')}"
    done(machine, "dnf -y install tree")
    entry = json.loads(done(machine, "journalctl --output=json DEPLOYMENT_CHECKSUM=$(" + NEWEST + ")"))
    status = done(machine, "dnf status --pending-exit-77", 77)
    assert "  0 world world/12/x86_64/minimal (staged)\n" in status and "● 1 world " in status
    deployment = machine.sysroot / entry["DEPLOYMENT_PATH"][1:]
    assert deployment.name.startswith(f"{entry['DEPLOYMENT_CHECKSUM']}.") and (deployment / "usr/bin/tree").exists()
    assert (entry["COMMAND_LINE"], entry["DEPLOYMENT_INODE"]) == ("dnf -y install tree", str(deployment.stat().st_ino))
    checksum = entry["DEPLOYMENT_CHECKSUM"]
    assert checksum[:12] not in done(machine, "dnf history list"), "this is the history of what is booted"
    machine.reboot()
    done(machine, "dnf status --pending-exit-77")
    assert f" | {checksum[:12]}\n" in done(machine, "dnf history list")
    assert f"Commit         : {checksum} (deployed as 0, booted)\n" in done(machine, "dnf history info last")
    assert done(machine, "dnf tree log -n1").startswith(checksum), "which reads no treefile"
    nowhere = "Error: there is no ref or commit nowhere in /sysroot/ostree/repo\n"
    assert nowhere in done(machine, "dnf tree show nowhere", 1)
    assert done(machine, "dnf tree export", 1).endswith("Error: treefiles need the Python module 'yaml'\n")
    done(machine, "dnf -y rollback")
    done(machine, "dnf status --pending-exit-77", 77)
