# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual machine while it runs: what it is made of, what it says, and that nothing of it stays."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

from ostree_layer import privileges, process, signals
from ostree_layer.errors import MachineError
from ostree_layer.vm.emulator import Emulator
from ostree_layer.vm.monitor import Monitor

# How often, in seconds, somebody looks whether what is waited for has come.
TICK = 0.1
# What is booted is somebody else's code: QEMU starts nothing, and gives itself nothing.
CAGED = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
# No way out of the machine.
ALONE = ("-nic", "user,model=virtio-net-pci,restrict=on")
CONSOLE, REPORT, SAID = "console.txt", "report.txt", "qemu.txt"
# What moves a cursor, sets a colour or a title.
CONTROL = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(\x07|\x1b\\)?|[ -/]+[0-~]|[^\[\] -/])")
LINE_END = re.compile(r"\r+\n?")
# What a machine may write, in bytes, to its console and to its second line.
LOUD = {CONSOLE: 8 << 20, REPORT: 1 << 20}


@dataclasses.dataclass(frozen=True)
class Boot:
    """What a boot loader would load."""

    kernel: Path
    initramfs: Path
    options: str


@dataclasses.dataclass(frozen=True)
class Machine:
    """What a machine is made of.

    `memory` is in MiB; `media` are more disks, which it only reads; `network` is what QEMU is told of that. Where it
    does not keep what is written to its disk, the file is left as it is. `state` names a saved state to go on from, and
    `inside` is an argv to start QEMU by, as in a namespace. One that `stays` stands still when it would restart or go
    out, and can be looked at.
    """

    boot: Boot
    disk: Path
    format: str = "raw"
    keeps: bool = False
    memory: int = 2048
    media: tuple[Path, ...] = ()
    network: tuple[str, ...] = ALONE
    state: str = ""
    inside: tuple[str, ...] = ()
    stays: bool = False


class Running:
    """A machine that was started; its console is written to a file, and a second serial line to `report` or `line`."""

    def __init__(self, folder: Path, has_ended: Callable[[], bool], monitor: Monitor, line: socket.socket) -> None:
        self.console, self.report = folder / CONSOLE, folder / REPORT
        self.monitor, self.line = monitor, line
        self._said, self.has_ended = folder / SAID, has_ended

    def wait(self, until: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is so, and return whether it came; MachineError where the machine ends before."""
        end = time.monotonic() + seconds
        while not until():
            if self.has_ended():
                raise MachineError(f"the virtual machine has ended too early: {self.complaint()}")
            if time.monotonic() > end:
                return False
            time.sleep(TICK)
        return True

    def complaint(self) -> str:
        """What QEMU itself said, in a line."""
        return " ".join(self._said.read_text(errors="replace").split()) or "QEMU does not say why"

    def state(self) -> str:
        """In QEMU's words: `running`; of one that stays `shutdown`; `io-error` where its disk cannot be written to."""
        return str(self.monitor.ask("query-status")["status"])

    def is_loud(self) -> bool:
        """Whether it has written more than anybody reads."""
        files = ((self.console, LOUD[CONSOLE]), (self.report, LOUD[REPORT]))
        return any(path.exists() and path.stat().st_size > limit for path, limit in files)

    def shown(self) -> str:
        """What the console has shown, without what moves a cursor or sets a colour."""
        return self.tail(LOUD[CONSOLE])[0]

    def tail(self, size: int) -> tuple[str, int]:
        """What the console has shown in its last bytes, and how many there were before."""
        return _tail(self.console, size)

    def told(self) -> str:
        """What came over the second line."""
        return _tail(self.report, LOUD[REPORT])[0]


def _tail(path: Path, size: int) -> tuple[str, int]:
    if not path.exists():
        return "", 0
    with path.open("rb") as file:
        before = max(0, path.stat().st_size - size)
        file.seek(before)
        return plain(file.read(size)), before


def plain(console: bytes) -> str:
    """The text of what was written to a terminal; nothing in it does anything to another one."""
    text = LINE_END.sub("\n", console.decode(errors="replace"))
    shown = (c for c in CONTROL.sub("", text) if c.isprintable() or c in "\n\t")
    return "".join(shown).expandtabs()


@contextlib.contextmanager
def running(machine: Machine, emulator: Emulator, folder: Path, *, is_talking: bool = False) -> Iterator[Running]:
    """Run the machine for the body; nothing of it runs afterwards, nor when this process is killed.

    What it says is written to the folder; what it says on its second line too, unless somebody talks to it there.
    """
    with contextlib.ExitStack() as stack:
        (ours, theirs), (here, there) = (_pair(stack) for _line in ("monitor", "talk"))
        second = f"socket,fd={there.fileno()}" if is_talking else f"file,path={folder / REPORT}"
        argv = [*machine.inside, *_argv(machine, emulator)]
        argv += ["-chardev", f"file,id=console,path={folder / CONSOLE}", "-serial", "chardev:console"]
        argv += ["-chardev", f"{second},id=second", "-serial", "chardev:second"]
        argv += ["-chardev", f"socket,id=monitor,fd={theirs.fileno()}", "-mon", "chardev=monitor,mode=control"]
        keep = (theirs.fileno(), there.fileno())
        first = functools.partial(privileges.end_with_parent, os.getpid())
        has_ended = stack.enter_context(process.beside(argv, said=folder / SAID, keep=keep, first=first))
        for end in (theirs, there):
            end.close()
        with signals.losing_listeners():
            yield Running(folder, has_ended, Monitor(ours), here)


def _pair(stack: contextlib.ExitStack) -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    return stack.enter_context(ours), stack.enter_context(theirs)


def _argv(machine: Machine, emulator: Emulator) -> list[str]:
    argv = [emulator.program, "-nodefaults", "-no-user-config", "-display", "none", "-vga", "std", "-no-reboot"]
    argv += ["-sandbox", CAGED, "-machine", "q35", "-cpu", "max", "-accel", emulator.accelerator]
    argv += ["-smp", str(min(2, os.cpu_count() or 1)), "-m", str(machine.memory), "-device", "virtio-rng-pci"]
    volatile = "" if machine.keeps else ",snapshot=on"
    argv += ["-drive", f"if=virtio,format={machine.format},cache=unsafe{volatile},file={machine.disk}"]
    for medium in machine.media:
        argv += ["-drive", f"if=virtio,format=raw,readonly=on,file={medium}"]
    boot = machine.boot
    argv += ["-no-shutdown"] if machine.stays else []
    argv += [*machine.network, "-kernel", str(boot.kernel), "-initrd", str(boot.initramfs), "-append", boot.options]
    return argv + (["-loadvm", machine.state] if machine.state else [])
