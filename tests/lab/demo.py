# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job on real packages, as a user sees it: `make demo`."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.lab import host
from tests.toys import CACHE


class Demo:
    """Announces steps, runs commands on the host, and shows what they print."""

    def __init__(self, machine: host.SoftHost) -> None:
        self._machine = machine

    def say(self, text: str) -> None:
        print(f"\n\033[1m== {text}\033[0m" if sys.stdout.isatty() else f"\n== {text}", flush=True)

    def run(self, command: str, *, fails: bool = False) -> str:
        print(f"\n[root@world ~]# {command}", flush=True)
        done = self._machine.run("bash", "-c", command)
        print(done.stdout, end="", flush=True)
        if (done.returncode != 0) is not fails:
            raise SystemExit(f"demo: '{command}' ended with status {done.returncode}")
        return done.stdout

    def reboot(self) -> None:
        print("\n[root@world ~]# reboot", flush=True)
        self._machine.reboot()

    def expect(self, text: str, printed: str) -> None:
        if text not in printed:
            raise SystemExit(f"demo: expected '{text}'")


def play(demo: Demo) -> None:
    demo.say("An OSTree host, made of real packages. Its /usr is read-only.")
    demo.run("dnf status")
    demo.run("touch /usr/bin/mine", fails=True)

    demo.say("Plain dnf installs two programs: into a new deployment, for the next boot.")
    demo.run("dnf -y install htop tree")
    demo.run("dnf status")
    demo.run("htop --version", fails=True)

    demo.say("After a reboot they are there.")
    demo.reboot()
    demo.run("htop --version")
    demo.run("tree --noreport /usr/lib/sysimage")

    demo.say("The admin edits a file in /etc; then removes one package, and reboots: the edit is kept.")
    demo.run("echo 'Welcome to the atomic world.' > /etc/motd")
    demo.run("dnf -y remove tree")
    demo.run("echo 'This line was written after the transaction.' >> /etc/motd")
    demo.reboot()
    demo.expect("after the transaction", demo.run("cat /etc/motd"))
    demo.run("tree --version", fails=True)
    demo.run("dnf history list")

    demo.say("A rollback and a reboot: the package is back.")
    demo.run("dnf -y rollback")
    demo.reboot()
    demo.run("tree --version")
    demo.run("dnf status")


def main() -> None:
    start = time.monotonic()
    (CACHE / "demo").mkdir(parents=True, exist_ok=True)
    print("== Making the host. The first time, this converts Debian packages into an RPM repository.", flush=True)
    with tempfile.TemporaryDirectory(prefix="demo-", dir=CACHE / "demo") as folder:
        machine = host.make(Path(folder, "host"))
        try:
            play(Demo(machine))
        finally:
            machine.remove()
    print(f"\n== Done in {time.monotonic() - start:.0f} s. Nothing is left but the cache in {CACHE}.")


if __name__ == "__main__":
    main()
