# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree smoketest` on a real kernel in a real QEMU, whose userland says in seconds what a real one would."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ostree_layer import certification, repo
from ostree_layer.signatures import Keys
from tests import guard, keys, stores, tree_repos
from tests.conftest import place
from tests.lab import miniature
from tests.sysroots import ostree

NAMES = ("toy.target", "", "", "", "", "")
PASSES = "up\n" + "".join(f"begin {n:02}\n|{said}\nend {n:02} 0\n" for n, said in enumerate(NAMES)) + "done\n"
TELL = "cat >/dev/{line} <<'END'\n{}END\n"
# What a disk needs.
DRIVERS = "for name in /modules/*; do insmod $name; done\n"
HOSTILE = "\x1b]0;mine\x07\x1b[2J<script>document.title='mine'</script>\n"


class Maker:
    """Who has a repository of miniatures."""

    def __init__(self, folder: Path, mode: str = "bare") -> None:
        self.folder, self.repo = folder, folder / "repo"
        ostree("init", f"--repo={self.repo}", f"--mode={mode}")
        self.place = self.repo / "extensions/ostree-layer"

    def tree(self, ref: str, script: str | None) -> str:
        miniature.commit(self.repo, ref, script)
        return ostree("rev-parse", f"--repo={self.repo}", ref).strip()

    def run(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        return tree_repos.tree(self.folder, "smoketest", *arguments, f"--repo={self.repo}", extra=extra)

    def refused(self, *arguments: str, **extra: str) -> str:
        done = self.run(*arguments, **extra)
        assert done.returncode == 1 and "Traceback" not in done.stderr, done.stdout + done.stderr
        return done.stderr

    def failed(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert (done.returncode, done.stderr) == (1, ""), done.stdout + done.stderr
        return done.stdout

    def report(self, commit: str) -> dict[str, Any]:
        found = json.loads((self.place / "smoketests" / commit / "report.json").read_text())
        assert isinstance(found, dict)
        return found

    def start(self, *arguments: str, **extra: str) -> subprocess.Popen[str]:
        """Begin a run, and wait until its QEMU is there."""
        words = ("tree", "smoketest", *arguments, f"--repo={self.repo}")
        argv = guard.sealed(self.folder, guard.dnf_argv(self.folder, None, "--releasever=1", *words))
        environment = guard.environment(self.folder, extra)
        run = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        end = time.monotonic() + 30
        while not self.machines():
            assert run.poll() is None and time.monotonic() < end, run.communicate()
            time.sleep(0.1)
        return run

    def machines(self) -> list[int]:
        """The processes that are QEMU's, and boot something of this repository."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if words.startswith(b"qemu") or words.startswith(b"/usr/bin/qemu"):
                found += [int(path.parent.name)] if os.fsencode(self.repo) in words else []
        return found

    def left(self) -> list[Path]:
        return list((self.place / "smoketests.work").iterdir())

    def is_over(self) -> bool:
        """Whether, soon, no machine runs."""
        end = time.monotonic() + 10
        while self.machines() and time.monotonic() < end:
            time.sleep(0.1)
        return not self.machines()


@pytest.fixture
def maker(folder: Path) -> Iterator[Maker]:
    made = Maker(folder)
    yield made
    assert made.is_over()


@pytest.fixture(scope="module")
def passed(signer: Path) -> Iterator[tuple[Maker, str, subprocess.CompletedProcess[str]]]:
    """A tree that has passed, and that somebody has signed."""
    with tempfile.TemporaryDirectory(prefix="test-", dir=place()) as folder:
        maker = Maker(Path(folder), "archive")
        commit = maker.tree("toys/good", TELL.format(HOSTILE, line="ttyS0") + TELL.format(PASSES, line="ttyS1"))
        yield maker, commit, maker.run("--all", "--json", *stores.signing(signer))


def test_what_passes(passed: tuple[Maker, str, subprocess.CompletedProcess[str]]) -> None:
    maker, commit, done = passed
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    (found,) = json.loads(done.stdout)["smoketests"]
    assert (found["ref"], found["commit"], found["target"]) == ("toys/good", commit, "toy.target")
    assert found["passed"] and found["is_new"]
    report = maker.report(commit)
    assert report["seconds"]["target"] < 60 and report["tests"] == 6 and report["accelerator"] in ("kvm", "tcg")
    page, folder = Path(found["page"]), Path(found["page"]).parent
    assert {path.name for path in folder.iterdir()} == {"report.json", "index.html", "console.txt", "console.png"}
    assert (folder / "console.png").read_bytes().startswith(b"\x89PNG")
    console = (folder / "console.txt").read_text()
    assert "<script>" in console and "\x1b" not in console and "Linux version" in console
    assert "<script>" not in page.read_text() and "&lt;script&gt;" in page.read_text()
    assert maker.left() == [] and page.stat().st_mode & 0o044 == 0o044


def test_the_record(passed: tuple[Maker, str, subprocess.CompletedProcess[str]], signer: Path) -> None:
    maker, commit, done = passed
    assert json.loads(done.stdout)["smoketests"][0]["certified_by"] == [keys.fingerprint(signer)]
    store, trusted = repo.open_repo(maker.repo), Keys(keyring=signer / "public")
    (record,) = certification.read(store, commit, trusted)
    assert (record.file, record.tests, record.is_good) == ("report.json", 6, True)
    assert json.loads(next(iter(certification.results(store, commit).values()))) == maker.report(commit)


def test_another_time(passed: tuple[Maker, str, subprocess.CompletedProcess[str]], signer: Path) -> None:
    maker, commit, _done = passed
    again = maker.run("--all", *stores.signing(signer))
    line = f"toys/good, commit {commit[:12]} (1) has passed before; --again boots it again: toy.target after "
    assert again.returncode == 0 and again.stdout.startswith(line), again.stdout + again.stderr
    assert f"Commit {commit[:12]} is certified already: report.json, by {keys.fingerprint(signer)}.\n" in again.stdout
    for options in (["--again"], ["--target=b.target"], ["--check=true"]):
        assert (
            "failpoint smoketest::running"
            in maker.run("--all", *options, **stores.at("smoketest::running", "raise")).stderr
        )
    page = Path(maker.place, "smoketests/index.html")
    assert "toys/good" in page.read_text()
    ostree("refs", f"--repo={maker.repo}", "--delete", "toys/good")
    bad = maker.tree("toys/bad", None)
    ostree("prune", f"--repo={maker.repo}", "--refs-only")
    assert maker.failed("--all") == (
        f"toys/bad, commit {bad[:12]} (1) cannot be booted: commit {bad[:12]} has no initramfs, so it cannot boot by "
        "itself\n(compose it without 'no-initramfs: true', with dracut and ostree's module for it)\n"
        f"The reports are in {page.parent}.\n"
    )
    assert os.listdir(page.parent) == ["index.html"] and "There are none." in page.read_text()


def test_a_kernel_that_panics(maker: Maker) -> None:
    commit = maker.tree("toys/panic", "exit 7")
    said = maker.failed(commit)
    assert said.startswith(f"Commit {commit} (1) has failed:\n  its kernel has panicked: Attempted to kill init!")
    assert "\n    [" in said and f"{commit}/index.html shows more.\n" in said
    assert maker.report(commit)["screenshot"] == "console.png"


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


def test_what_cannot_be_done(maker: Maker) -> None:
    commit = maker.tree("toys/good", "")
    assert "Error: nothing says which trees to boot\n(name refs or commits, or --all for all refs)" in maker.refused()
    assert "Error: nothing says which trees to boot\n" in maker.refused("--all", "toys/good")
    assert f"Error: there is no ref or commit toys/goof in {maker.repo}\n(did you mean toys/good?)" in maker.refused(
        "toys/goof"
    )
    words = "Error: a b is not the name of a target\n(multi-user.target is one)\n"
    assert words in maker.refused("toys/good", "--target=a b")
    assert "/dev/null/a" in maker.refused("toys/good", "--results=/dev/null/a")
    (maker.repo / f"state/{commit}.commitpartial").touch()
    partial = f"cannot be booted: only a part of commit {commit[:12]} is here\n('ostree pull' without "
    assert partial in maker.failed("toys/good")


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("qemu-system-x86_64", "QEMU is not on this machine, and a virtual machine needs it\n(install qemu-kvm, or "),
        ("mke2fs", "mke2fs is not on this machine, and makes the disks\n(install e2fsprogs)\n"),
    ],
)
def test_a_machine_without_a_program(maker: Maker, missing: str, words: str) -> None:
    maker.tree("toys/good", "")
    hide = 'for at in /usr/bin /usr/sbin; do [ ! -e "$at/$0" ] || mount --bind /dev/null "$at/$0"; done; exec "$@"'
    argv = guard.dnf_argv(maker.folder, None, "--releasever=1", "tree", "smoketest", "--all", f"--repo={maker.repo}")
    hidden = ["unshare", "--mount", "--propagation=private", "sh", "-c", hide, missing, *argv]
    done = tree_repos.run(maker.folder, hidden)
    assert done.returncode == 1 and f"Error: {words}" in done.stderr, done.stdout + done.stderr


def test_somebody_who_is_not_root(maker: Maker) -> None:
    maker.tree("toys/good", "")
    done = tree_repos.as_ordinary_user(maker.folder, "smoketest", "toys/good", f"--repo={maker.repo}")
    assert "Error: only root can install a tree on a disk, as its files have owners\n" in done.stderr
