# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree smoketest` on whole trees: one that is well, one that is not, and one that panics."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ostree_layer import certification, repo
from ostree_layer.signatures import Keys
from tests import guard, keys, stores
from tests.sysroots import ostree
from tests.vm import trees

UNIT = """[Unit]
Description={}
Before=multi-user.target
[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart={}
"""
UNITS = {"broken": "/bin/sh -c 'echo the disk is gone; exit 3'", "endless": "/bin/sleep infinity"}


@pytest.fixture
def place(folder: Path) -> Path:
    """A folder with a repository that has the tree."""
    ostree("init", f"--repo={folder}/repo", "--mode=bare")
    ostree("pull-local", f"--repo={folder}/repo", os.fspath(trees.repository()), trees.REF)
    return folder


def smoketest(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = guard.dnf_argv(place, None, "--releasever=12", "tree", "smoketest", *arguments, f"--repo={place}/repo")
    environment = guard.environment(place)
    return subprocess.run(
        guard.sealed(place, argv), env=environment, capture_output=True, text=True, timeout=900, check=False
    )


def changed(place: Path, files: dict[str, str]) -> str:
    """A commit of the tree with other files."""
    root = place / "changed"
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            (root / path).symlink_to(text[3:])
        else:
            (root / path).write_text(text)
            (root / path).chmod(0o755)
    layers = (f"--tree=ref={trees.REF}", f"--tree=dir={root}", "--owner-uid=0", "--owner-gid=0")
    return ostree("commit", f"--repo={place}/repo", "--branch=changed", *layers).strip()


def report(place: Path, commit: str) -> dict[str, Any]:
    found = json.loads((place / "results" / commit / "report.json").read_text())
    assert isinstance(found, dict)
    return found


def test_a_tree_that_is_well(place: Path, keyring: Path) -> None:
    checks = ("--check=test -f /usr/lib/os-release", "--check=systemctl --version")
    done = smoketest(place, "--all", "--json", *checks, *stores.signing(keyring))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    (found,) = json.loads(done.stdout)["smoketests"]
    assert (found["ref"], found["target"], found["tests"]) == (trees.REF, "graphical.target", 8)
    assert found["certified_by"] == [keys.fingerprint(keyring)] and found["failed_units"] == []
    outputs = {check["name"]: check["output"] for check in found["checks"]}
    assert outputs["the commit that was asked for is the root"].endswith(f"/deploy/{found['commit']}.0")
    assert outputs["systemctl --version"].startswith("systemd ")
    assert "getty" in outputs["a login prompt is offered"]
    seconds = found["seconds"]
    assert sum(seconds[part] for part in ("kernel", "initrd", "userspace")) <= seconds["target"] + 15
    console = Path(found["page"]).with_name("console.txt").read_text()
    assert "login:" in console and "\x1b" not in console
    store = repo.open_repo(place / "repo")
    (record,) = certification.read(store, found["commit"], Keys(keyring=keyring / "public"))
    assert record.is_good and record.tests == 8
    print(f"target after {seconds['target']} s ({found['accelerator']})")


def test_a_tree_that_is_not(place: Path) -> None:
    units = "usr/lib/systemd/system"
    files = {f"{units}/{name}.service": UNIT.format(name, command) for name, command in UNITS.items()}
    links = {f"{units}/multi-user.target.wants/{name}.service": f"-> ../{name}.service" for name in UNITS}
    commit = changed(place, {**files, **links})
    done = smoketest(place, "changed", "--timeout=100", f"--results={place}/results", "--check=false")
    assert (done.returncode, done.stderr) == (1, ""), done.stdout + done.stderr
    sentences = [
        "graphical.target was not reached within 100 s; still at work: endless.service",
        "'false' failed with status 1",
        "1 unit has failed: broken.service",
    ]
    assert done.stdout.startswith(
        "".join([f"changed, commit {commit[:12]} has failed:\n"] + [f"  {s}\n" for s in sentences])
    )
    found = report(place, commit)
    assert found["failures"] == sentences and not found["passed"]
    assert "broken.service: Main process exited" in found["failed_units"][0]["log"]


def test_a_tree_that_panics(place: Path) -> None:
    commit = changed(place, {"usr/lib/systemd/systemd": "#!/bin/sh\necho no init >/dev/ttyS0\nexit 7\n"})
    done = smoketest(place, commit, f"--results={place}/results")
    assert done.returncode == 1 and done.stderr == ""
    assert f"Commit {commit} has failed:\n  its kernel has panicked: Attempted to kill init! exitcode=0x" in done.stdout
    assert (place / "results" / commit / "console.png").exists()
