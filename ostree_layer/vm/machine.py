# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual machine while it runs: what it is made of, what it says, and that nothing of it stays."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

from ostree_layer import process
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
CONTROL = re.compile(rb"\x1b(\[[0-?]*[ -/]*[@-~]|[^\[])|[^\x20-\x7e\n\x80-\xff]")


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
    `inside` is an argv to start QEMU by, as in a namespace.
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

    def shown(self) -> str:
        """What the console has shown, without what moves a cursor or sets a colour."""
        return plain(self.console.read_bytes()) if self.console.exists() else ""


def plain(console: bytes) -> str:
    """The text of what was written to a terminal."""
    text = CONTROL.sub(b"", console.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
    return text.decode(errors="replace")


@contextlib.contextmanager
def running(machine: Machine, emulator: Emulator, folder: Path, *, is_talking: bool = False) -> Iterator[Running]:
    """Run the machine for the body; nothing of it runs afterwards, nor when this process is killed.

    What it says is written to the folder; what it says on its second line too, unless somebody talks to it there.
    """
    with contextlib.ExitStack() as stack:
        (ours, theirs), (here, there) = (_pair(stack) for _line in ("monitor", "talk"))
        second = f"socket,fd={there.fileno()}" if is_talking else f"file,path={folder / REPORT}"
        argv = ["setpriv", "--pdeathsig=KILL", *machine.inside, *_argv(machine, emulator)]
        argv += ["-chardev", f"file,id=console,path={folder / CONSOLE}", "-serial", "chardev:console"]
        argv += ["-chardev", f"{second},id=second", "-serial", "chardev:second"]
        argv += ["-chardev", f"socket,id=monitor,fd={theirs.fileno()}", "-mon", "chardev=monitor,mode=control"]
        keep = (theirs.fileno(), there.fileno())
        has_ended = stack.enter_context(process.beside(argv, said=folder / SAID, keep=keep))
        for end in (theirs, there):
            end.close()
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
    argv += [*machine.network, "-kernel", str(boot.kernel), "-initrd", str(boot.initramfs), "-append", boot.options]
    return argv + (["-loadvm", machine.state] if machine.state else [])
