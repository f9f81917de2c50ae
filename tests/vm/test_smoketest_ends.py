# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree smoketest` where a machine, the run or the disk comes to an end before the test does."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.maker import TELL, Maker

# What a disk needs.
DRIVERS = "for name in /modules/*; do insmod $name; done\n"


@pytest.fixture
def maker(folder: Path) -> Iterator[Maker]:
    made = Maker(folder)
    yield made
    assert made.is_over()


def test_what_goes_out_or_writes_without_end(maker: Maker) -> None:
    off = maker.tree("toys/off", TELL.format("up\n", line="ttyS1") + "poweroff -f")
    loud = maker.tree("toys/loud", TELL.format("up\n", line="ttyS1") + "yes done and done >/dev/ttyS1")
    results = maker.folder / "results"
    said = maker.failed("toys/off", "toys/loud", f"--results={results}")
    assert f"toys/off, commit {off[:12]} (1) has failed:\n  it has restarted or gone out by itself\n" in said
    assert f"toys/loud, commit {loud[:12]} (1) has failed:\n  it writes without end, and was stopped\n" in said
    assert said.endswith(f"The reports are in {results}.\n")
    page = (results / "index.html").read_text()
    assert page.index("toys/loud") < page.index("toys/off") and f'href="{off}/index.html"' in page
    assert sum(path.stat().st_size for path in results.glob("*/*")) < 2_000_000


def test_time_that_is_over(maker: Maker) -> None:
    commit = maker.tree("toys/slow", "")
    said = maker.failed("toys/slow", "--timeout=1")
    assert f"commit {commit[:12]} (1) has failed:\n  its systemd was not up within 1 s\n" in said
    done = maker.run("toys/slow", "--timeout=soon")
    assert done.returncode == 2 and "soon is no number of seconds, from 1 to a day's\n" in done.stderr


def test_a_machine_that_is_killed(maker: Maker) -> None:
    commit = maker.tree("toys/slow", "")
    run = maker.start("toys/slow")
    os.kill(maker.machines()[0], signal.SIGKILL)
    said = run.communicate()[0]
    assert run.returncode == 1 and f"Error: commit {commit[:12]} is not tested: " in said
    assert "(that is about the machine that tests the tree, and not about the tree)\n" in said
    assert maker.left() == [] and os.listdir(maker.place / "smoketests") == ["index.html"]


@pytest.mark.parametrize("act", ["term", "int", "kill"])
def test_a_run_that_is_ended(maker: Maker, act: str) -> None:
    maker.tree("toys/slow", "")
    done = maker.run("toys/slow", OSTREE_LAYER_FAILPOINT=f"smoketest::running={act}")
    assert done.returncode not in (0, 1) or act == "int"
    assert maker.is_over()
    assert len(maker.left()) == (1 if act == "kill" else 0)
    if act == "kill":
        maker.failed("toys/slow", "--timeout=1")
        assert maker.left() == []


def test_a_report_that_is_half_written(maker: Maker) -> None:
    commit = maker.tree("toys/slow", "")
    maker.failed("toys/slow", "--timeout=1")
    maker.run("toys/slow", "--timeout=1", OSTREE_LAYER_FAILPOINT="smoketest::written=kill")
    assert not (maker.place / "smoketests" / commit / "report.json").exists()


FULL = [
    (8, "cannot be booted: copying commit {commit} into {place}/"),
    (24, "no disk can be made of {place}/"),
    (50, "commit {commit} is not tested: its disk cannot be written to; the file system of the repository may be full"),
]


@pytest.mark.parametrize(("left", "words"), FULL)
def test_a_disk_that_is_full(folder: Path, left: int, words: str) -> None:
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100M", "tmpfs", os.fspath(disk)], check=True)
    try:
        maker = Maker(disk, "archive")
        commit = maker.tree("toys/greedy", DRIVERS + "dd if=/dev/zero of=/dev/vda bs=1M")
        found = os.statvfs(disk)
        (disk / "other").write_bytes(bytes(found.f_bavail * found.f_bsize - (left << 20)))
        said = maker.failed("toys/greedy") if left == 8 else maker.refused("toys/greedy")
        assert words.format(commit=commit[:12], place=maker.place) in said, said
        assert maker.left() == [] and os.listdir(maker.place / "smoketests") == ["index.html"]
    finally:
        subprocess.run(["umount", os.fspath(disk)], check=True)
