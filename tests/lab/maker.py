# SPDX-License-Identifier: GPL-2.0-or-later
"""Who makes miniature trees, and boots them by `dnf tree smoketest`."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from tests import guard, tree_repos
from tests.lab import miniature
from tests.sysroots import ostree

# What a tree says, and on which line.
TELL = "cat >/dev/{line} <<'END'\n{}END\n"


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
