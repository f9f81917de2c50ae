# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf bisect run --vm`: each candidate boots in a virtual machine."""

from __future__ import annotations

import os
from pathlib import Path

from tests import sysroots
from tests.sysroots import Host, ostree
from tests.vm import trees


def commit(host: Host, version: str, state: str) -> str:
    """One more commit of the tree's history."""
    folder = host.folder / "content"
    (folder / "usr/share").mkdir(parents=True, exist_ok=True)
    (folder / "usr/share/state").write_text(f"{state}\n")
    layers = (f"--tree=ref={trees.REF}", f"--tree=dir={folder}", "--owner-uid=0", "--owner-gid=0")
    parent = ostree("rev-parse", host.repo, trees.REF).strip()
    named = f"--add-metadata-string=version={version}"
    made = ostree("commit", host.repo, f"--branch={trees.REF}", f"--parent={parent}", named, *layers).strip()
    ostree("refs", host.repo, f"--create=versions/{version}", made)  # or a deployment would prune it
    return made


def test_the_command_runs_in_the_booted_tree(folder: Path) -> None:
    host = sysroots.empty_host(folder / "host")
    ostree("pull-local", host.repo, os.fspath(trees.repository()), trees.REF)
    made = [commit(host, version, state) for version, state in (("1", "good"), ("2", "bad"), ("3", "bad"))]
    sysroots.deploy(host, trees.REF)
    check = "systemctl is-active sysinit.target && ! systemd-detect-virt --container && grep good /usr/share/state"
    done = host.dnf("--releasever=12", "bisect", "run", ":1", ":3", "--vm", "--", "sh", "-c", check)
    assert done.returncode == 0, done.stdout
    assert f"Testing commit {made[1][:12]} (2): 1 commit remains, about 1 step.\n" in done.stdout
    assert f"active\nnone\nCommit {made[1][:12]} (2) is bad.\nThe first bad commit is {made[1]} (2, " in done.stdout
    assert "The fault is in files that no package that has changed has:\n  /usr/share/state\n" in done.stdout
    assert list((host.work / "smoketests.work").iterdir()) == []
    host.wait_for_cleaner()
