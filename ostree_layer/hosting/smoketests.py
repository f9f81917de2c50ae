# SPDX-License-Identifier: GPL-2.0-or-later
"""Where results of smoke tests are kept, and where they are made."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

from ostree_layer import files, modes
from ostree_layer.failpoint import failpoint
from ostree_layer.hosting import smoketest_page
from ostree_layer.hosting.smoketest_report import CONSOLE, FORMAT, SCREEN
from ostree_layer.hosting.store import Store
from ostree_layer.vm import scratch
from ostree_layer.vm.probe import Trial

REPORT, PAGE = "report.json", "index.html"
# Below what is private to a store: web servers offer none of it.
RESULTS, WORKSHOP = "smoketests", "smoketests.work"
LOCK = "lock"


class Results:
    """A folder of them: one for each commit, and a page for all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def page(self, commit: str) -> Path:
        return self.folder / commit / PAGE

    def report(self, commit: str) -> Path:
        return self.folder / commit / REPORT

    def read(self, commit: str) -> dict[str, Any] | None:
        """The report about a commit; None where there is none that can be read."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            found = json.loads(self.report(commit).read_bytes())
            return found if isinstance(found, dict) and found.get("format") == FORMAT else None
        return None

    def write(self, report: dict[str, Any], trial: Trial) -> None:
        """Keep what was found; there is no report until all that it names is there."""
        with modes.usual():
            folder = self.folder / report["commit"]
            folder.mkdir(parents=True, exist_ok=True)
            self.report(report["commit"]).unlink(missing_ok=True)
            head = f"({trial.left_out} bytes before are left out)\n" if trial.left_out else ""
            console = head + trial.console
            files.replace(folder / CONSOLE, console.encode())
            failpoint("smoketest::written")
            (folder / SCREEN).unlink(missing_ok=True)
            if trial.screen is not None:
                files.replace(folder / SCREEN, trial.screen)
            files.replace(folder / PAGE, smoketest_page.one(report, console).encode())
            files.replace(folder / REPORT, (json.dumps(report, indent=2) + "\n").encode())

    def show(self) -> None:
        """Write the page of all that there are, by their refs, newest first."""
        with modes.usual():
            self.folder.mkdir(parents=True, exist_ok=True)
        with _locked(self.folder):
            found = [self.read(path.parent.name) for path in self.folder.glob(f"*/{REPORT}")]
            known = [report for report in found if report is not None]
            known.sort(key=lambda report: str(report["started"]), reverse=True)
            known.sort(key=lambda report: str(report["ref"]))
            files.replace(self.folder / PAGE, smoketest_page.overview(known).encode())

    def forget(self, is_gone: Callable[[str], bool]) -> None:
        """Remove the reports about commits that are gone."""
        for path in self.folder.glob(f"*/{REPORT}"):
            if is_gone(path.parent.name):
                shutil.rmtree(path.parent)


@contextlib.contextmanager
def workspace(store: Store) -> Iterator[Path]:
    """A folder on the store's file system that is gone after the body; what killed runs have left goes before."""
    place = store.work / WORKSHOP
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        with _locked(place):
            _sweep(place)
            folder = Path(tempfile.mkdtemp(prefix="run-", dir=place))
            lock = stack.enter_context((folder / LOCK).open("wb"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        stack.callback(scratch.remove, folder)
        yield folder


def _sweep(place: Path) -> None:
    for left in place.iterdir():
        with (left / LOCK).open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # somebody is at work there
            scratch.remove(left)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
