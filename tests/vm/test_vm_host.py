# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests' own machines: files in and out, and what is told and left of one that hangs, or whose test is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import guard
from tests.lab import site, vm_host

# Starts a machine, says so, and waits for its end.
WAITING = """
import sys, time
from pathlib import Path
from tests.lab import site
with site.opened(Path(sys.argv[1])) as opened:
    opened.host("server")
    print("up", flush=True)
    time.sleep(600)
"""


def machines(folder: Path) -> list[str]:
    """The processes that have something to do with the folder."""
    done = subprocess.run(["pgrep", "--full", f"qemu.*{folder}"], capture_output=True, text=True, check=False)
    return done.stdout.split()


def test_files_and_a_machine_that_hangs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(site.IN_MACHINES, "1")
    with site.opened(folder) as opened:
        host = opened.host("server")
        assert isinstance(host, vm_host.VmHost)
        content = bytes(range(256)) * 400
        host.write("/var/lib/file", content)
        assert host.read("/var/lib/file") == content
        assert host.run("sha256sum", "/var/lib/file").returncode == 0
        assert machines(folder)
        monkeypatch.setattr(vm_host, "ANSWERS", 3)
        host.run("sh", "-c", "echo this is the last thing > /dev/ttyS0")
        with pytest.raises(AssertionError, match=r"(?s)has not answered within 3 s:.*this is the last thing"):
            host.run("sleep", "1000")
        assert not machines(folder)


def test_a_test_that_is_killed_leaves_no_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(site.IN_MACHINES, "1")
    argv = [sys.executable, "-c", WAITING, str(folder)]
    with subprocess.Popen(argv, cwd=guard.CHECKOUT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "up\n"
        assert machines(folder)
        child.send_signal(signal.SIGKILL)
    assert not machines(folder)
