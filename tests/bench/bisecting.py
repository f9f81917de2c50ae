# SPDX-License-Identifier: GPL-2.0-or-later
"""How long it takes to find one of 64 commits, and one of its package changes, by a command that takes no time."""

from __future__ import annotations

from collections.abc import Callable

from ostree_layer import repo
from ostree_layer.ostree_gi import GLib
from tests.sysroots import REF, Host, ostree

COMMITS, FAULTY = 64, 41
# It is counted by what it leaves; all else that it could write to is thrown away.
CHECK = ("sh", "-c", "echo run; test ! -e /usr/share/wanted1/0")


class Bisecting:
    """A host that follows a ref with so many versions more than one; from one on they have some packages more."""

    def __init__(self, host: Host, dnf: Callable[..., float], wanted: list[str]) -> None:
        self._host, self._dnf = host, dnf
        good = ostree("rev-parse", host.repo, REF).strip()
        dnf("install", *wanted)
        bad = host.deployments()[0].partition(".")[0]
        self._publish(good, bad)
        dnf("rollback")

    def _publish(self, good: str, bad: str) -> None:
        store = repo.open_repo(self._host.sysroot / "ostree/repo")
        parent = good
        for number in range(1, COMMITS + 1):
            root = store.read_commit(bad if number >= FAULTY else good, None)[1]
            values = GLib.Variant("a{sv}", {"version": GLib.Variant("s", str(number))})
            with repo.transaction(store):
                parent = store.write_commit_with_time(parent, None, None, values, root, number, None)[1]
                for ref in (REF, f"versions/{number}"):  # the latter keeps it
                    store.transaction_set_ref(None, ref, parent)
        self._good = good

    def run(self) -> float:
        """The seconds of a whole search."""
        return self._dnf("bisect", "run", self._good, f":{COMMITS}", "--", *CHECK)

    def start(self) -> float:
        """What dnf takes to say what was found."""
        return self._dnf("bisect", "log")

    def runs(self) -> int:
        """How often the command runs."""
        done = self._host.dnf("bisect", "run", self._good, f":{COMMITS}", "--", *CHECK)
        assert f" ({FAULTY}, " in done.stdout and "The culprit is wanted1-1-1.noarch (added).\n" in done.stdout, done
        return done.stdout.count("run\n")


def rows(runs: int, whole: float, start: float, checkout: float) -> list[tuple[str, str, float]]:
    """What was measured, its limit, and the figure."""
    one = (whole - start) / runs
    return [
        ("    dnf bisect run, 64 commits, 3 packages, seconds", "", whole),
        ("    trees that it tries", "6 + 2", runs),
        ("(o) one of them, in checkouts", "", one / checkout),
    ]
