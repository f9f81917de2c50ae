# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree smoketest` on a real kernel in a real QEMU, whose userland says in seconds what a real one would."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostree_layer import certification, repo
from ostree_layer.signatures import Keys
from tests import guard, keys, stores, tree_repos
from tests.conftest import place
from tests.lab.maker import TELL, Maker
from tests.sysroots import ostree

NAMES = ("toy.target", "", "", "", "", "")
PASSES = "up\n" + "".join(f"begin {n:02}\n|{said}\nend {n:02} 0\n" for n, said in enumerate(NAMES)) + "done\n"
HOSTILE = "\x1b]0;mine\x07\x1b[2J<script>document.title='mine'</script>\n"


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
