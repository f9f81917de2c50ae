# SPDX-License-Identifier: GPL-2.0-or-later
"""What a user sees of the main jobs: `python3 -m tests.lab.gallery` prints the page that is docs/gallery.md.

With --live, which is `make demo`, it shows them as they are done. Either way the real commands run on a real host.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tempfile
import time
from pathlib import Path

from tests.lab.host import SoftHost
from tests.lab.shop import KIOSK, TILL, Shop
from tests.toys import CACHE

INTRODUCTION = """# Gallery

What you see in a terminal, job by job, on one host: it boots the tree of a shop's till, and goes to that of a kiosk.
All of it was printed by the real commands; `python3 -m tests.lab.gallery` writes this page, and a test compares. Only
what is another in each run was made the same: checksums, times, sizes of whole trees, and Debian's number of a
security update. What DNF says of its metadata is left out, and of its progress all but the first.
"""
CHECKSUM = re.compile(r"\b([0-9a-f]{12})([0-9a-f]{52})?\b")
QUESTION = "Is this ok [y/N]: "
# Where DNF says how old its metadata are, or fetches them.
METADATA = re.compile(r"Last metadata expiration check: .*\n|.* [kMG]?B/s \| .*\n")
# What DNF does between the question and the result; on the page only the first time.
PROGRESS = re.compile(r"Downloading Packages:\n.*?(?=\n\n)", re.DOTALL)
# All that is measured, and what it is on the page.
MEASURED = (
    (re.compile(r"\b2[0-9]{3}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}"), "2026-11-22 10:00"),
    (re.compile(r"\b[A-Z][a-z]{2} [0-9 ]{2} [A-Z][a-z]{2} 20[0-9]{2} [0-9:]{8}( UTC)?"), "Sun 22 Nov 2026 10:00:00"),
    (re.compile(r"\b[A-Z][a-z]{2} [A-Z][a-z]{2} [0-9 ]{2} [0-9:]{8} 20[0-9]{2}"), "Sun Nov 22 10:00:00 2026"),
    (re.compile(r"\b[0-9]+\.[0-9] MB\b"), "326.7 MB"),
    (re.compile(r"\([0-9]+ seconds\)"), "(1 seconds)"),
    (re.compile(r"\b[0-9]{4} read\b"), "6479 read"),
    (re.compile(r"\b[0-9]{4} files compared\b"), "5503 files compared"),
    (re.compile(r"\+deb12u[0-9]+"), "+deb12u1"),
    (re.compile(r"\b6\.1\.0-[0-9]+-cloud-amd64\b"), "6.1.0-56-cloud-amd64"),
    (re.compile(r"<uint64 [0-9]+>"), "<uint64 1795341600>"),
    (re.compile(r"([Rr]pmdb +: )[0-9a-f:]+"), r"\g<1>191:4e2a86b5c5a1"),
)


class Fixer:
    """Makes what is printed the same in each run: the n-th commit that is named always has the n-th checksum."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._has_progressed = False

    def fixed(self, text: str) -> str:
        for pattern, instead in ((METADATA, ""), *MEASURED):
            text = pattern.sub(instead, text)
        if PROGRESS.search(text):
            text = PROGRESS.sub("...", text) if self._has_progressed else text
            self._has_progressed = True
        return "".join(f"{line.rstrip()}\n" for line in CHECKSUM.sub(self._instead, text).splitlines())

    def _instead(self, found: re.Match[str]) -> str:
        made_up = hashlib.sha256(str(len(self._known)).encode()).hexdigest()
        return self._known.setdefault(found[1], made_up)[: len(found[0])]


class Terminal:
    """Types commands, and keeps the page; if `live`, shows all of it meanwhile."""

    def __init__(self, host: SoftHost, shop: Shop, *, live: bool) -> None:
        self._host, self.shop, self._live = host, shop, live
        self._fixer, self._parts = Fixer(), [INTRODUCTION]

    @property
    def page(self) -> str:
        return "".join(self._parts)

    def job(self, title: str, *words: str) -> None:
        self._tell(f"\n== {title}\n")
        self._parts.append(f"\n## {title}\n")
        self.say(*words)

    def say(self, *words: str) -> None:
        if words:
            self._tell("\n".join(words) + "\n")
            self._parts.append("\n" + "\n".join(words) + "\n")

    def run(self, *commands: str, status: int = 0) -> None:
        """Type commands, answer yes to what they ask, and keep what they print; SystemExit if one ends otherwise."""
        printed = ""
        for command in commands:
            self._tell(f"# {command}\n")
            done = self._host.run("env", "PYTHONUNBUFFERED=1", "bash", "-c", command, answer="y\n")
            shown = done.stdout.replace(QUESTION, f"{QUESTION}y\n")
            self._tell(shown)
            if done.returncode != status:
                raise SystemExit(f"gallery: '{command}' ended with status {done.returncode}: {done.stdout}")
            printed += f"# {command}\n{self._fixer.fixed(shown)}"
        self._block(printed)

    def reboot(self, *commands: str) -> None:
        """Reboot, and type commands then."""
        self._tell("# reboot\n")
        self._host.reboot()
        self._block("# reboot\n")
        if commands:
            self.run(*commands)

    def _block(self, text: str) -> None:
        joined = self._parts[-1].endswith("```\n")
        if joined:
            self._parts[-1] = self._parts[-1][: -len("```\n")]
        self._parts.append(f"\n{text}```\n" if joined else f"\n```console\n{text}```\n")

    def _tell(self, text: str) -> None:
        if self._live:
            print(text, end="", flush=True)


def layer(terminal: Terminal) -> None:
    terminal.job("Install a program", "The transaction becomes a deployment, which the next boot starts.")
    terminal.run("dnf install htop", "dnf status")
    terminal.reboot("htop --version")
    terminal.job("Remove it, and think better of it", "What waits for the reboot, a rollback takes back.")
    terminal.run("dnf remove htop", "dnf rollback")


def upgrade(terminal: Terminal) -> None:
    terminal.shop.publish("12.1", TILL)
    terminal.job("Upgrade to a newer tree", "`--check` looks, and downloads no files.")
    terminal.run("dnf upgrade --check")
    terminal.job("A file in /etc that both have changed", "Yours is kept, and you are told.")
    terminal.run("echo 'gold only' > /etc/till/currency", "dnf upgrade", "dnf status")
    terminal.reboot("cat /etc/till/currency /usr/etc/till/currency")


def switch(terminal: Terminal) -> None:
    terminal.job("Go to another tree, exactly as it was composed, and back")
    terminal.run(f"dnf rebase trees:{KIOSK}")
    terminal.reboot("grep PRETTY /etc/os-release", f"dnf rebase trees:{TILL}")
    terminal.job("Roll back", "First what waits; then, by another rollback, to what was booted before.")
    terminal.run("dnf rollback", "dnf rollback")
    terminal.reboot("htop --version")
    terminal.job("Take along what you asked for", "`system-switch` asks for the same packages on the other tree.")
    terminal.run(f"dnf system-switch trees:{KIOSK}")
    terminal.reboot("grep PRETTY /etc/os-release && htop --version")


def look(terminal: Terminal) -> None:
    terminal.job("What has been done", "The history belongs to the tree, and goes back with it.")
    terminal.run("dnf history list", "dnf history info last")
    terminal.job("Look at trees", "Which there are, what has changed from one to the next, and whether one is whole.")
    terminal.run("dnf tree list", f"dnf tree show trees:{TILL}", f"dnf tree log trees:{TILL}")
    terminal.run(f"dnf tree diff trees:{TILL} trees:{KIOSK}", f"dnf tree verify trees:{KIOSK}")


def keep(terminal: Terminal) -> None:
    terminal.job("Keep a deployment, and drop what is old")
    terminal.run("dnf label 1 'before the kiosk'", "dnf pin 1", "dnf cleanup rollback")
    terminal.run("dnf unpin 1", "dnf cleanup rollback", "dnf status")


def hurry(terminal: Terminal) -> None:
    terminal.job("Try a program that is not installed", "It sees the host with what it needs; nothing of it stays.")
    terminal.run("dnf -q try tree -- tree --version")
    terminal.job("Have a program without a reboot", "And take it back; or reboot, and it is there.")
    terminal.run("dnf install tree --apply-live", "tree --version", "dnf apply-live --reset", "dnf rollback")


def fail(terminal: Terminal) -> None:
    terminal.job("When something is wrong", "You are told what, what to do, and how the host is.")
    terminal.run(f"dnf rebase trees:{TILL[:-1]}", "dnf deploy 12.9", status=1)
    terminal.run("echo 'me ALL=(ALL) ALL' > /etc/sudoers.d; dnf -yq install sudo", status=1)


STORY = (layer, upgrade, switch, look, keep, hurry, fail)


def play(*, live: bool = False) -> str:
    """Do all jobs, and return the page."""
    place = CACHE / "gallery"
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place) as folder:
        shop = Shop(Path(folder))
        host = shop.host(Path(folder, "host"))
        try:
            terminal = Terminal(host, shop, live=live)
            for jobs in STORY:
                jobs(terminal)
        finally:
            host.remove()
    return terminal.page


def main() -> None:
    start, live = time.monotonic(), "--live" in sys.argv[1:]
    if live:
        print("== Making the host. The first time, this converts Debian packages into an RPM repository.", flush=True)
    page = play(live=live)
    if live:
        page = f"\n== Done in {time.monotonic() - start:.0f} s. Nothing is left but the cache in {CACHE}.\n"
    print(page, end="")


if __name__ == "__main__":
    main()
