# SPDX-License-Identifier: GPL-2.0-or-later
"""A user's command inside a commit's tree: soft-booted beside the host, or in a virtual machine."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Callable, NamedTuple

from ostree_layer import repo, softboot, sysroot, trunk
from ostree_layer.errors import MachineError
from ostree_layer.hosting import smoketests
from ostree_layer.hosting.store import Store
from ostree_layer.ostree_gi import OSTree
from ostree_layer.report import Report
from ostree_layer.vm import disk, emulator, trial
from ostree_layer.vm.emulator import Emulator
from ostree_layer.vm.probe import Probe

# Seconds that a virtual machine has until its default target is reached, and the command after that.
SECONDS = 900


class Softly(NamedTuple):
    """In namespaces of this machine; the command finds the folder `shown`, and begins there."""

    locked: OSTree.Sysroot
    argv: Sequence[str]
    shown: Path

    def __call__(self, checksum: str) -> int:
        work = sysroot.work_folder(self.locked)
        with trunk.of(self.locked, checksum) as lower:
            with softboot.running(lower, work, self.shown) as guest:
                status = guest.run(self.argv)
            trunk.leave(lower)
            return status


def in_machine(locked: OSTree.Sysroot, argv: Sequence[str], report: Report, say: Callable[[str], None]) -> InMachine:
    """MachineError where there are no virtual machines here."""
    disk.require_tools()
    return InMachine(locked, argv, emulator.find(), report, say)


class InMachine(NamedTuple):
    """In a virtual machine, where there is nothing but the tree."""

    locked: OSTree.Sysroot
    argv: Sequence[str]
    emulator: Emulator
    report: Report
    say: Callable[[str], None]

    def __call__(self, checksum: str) -> int:
        store = sysroot.repository(self.locked)
        place = Store(repo.path_of(store), store)
        probe = Probe(checksum, "", SECONDS, (shlex.join(self.argv),))
        number = next(number for number, check in enumerate(probe.checks) if check.command)
        with smoketests.workspace(place) as folder:
            machine = disk.machine_of(store, checksum, folder, probe.content())
            found = trial.attempt(machine, trial.Bench(self.emulator, folder, self.report), probe)
        answer = found.heard.answers.get(number)
        if found.seconds is None:
            raise MachineError("it does not reach its default target in a virtual machine")
        if answer is None or answer.status is None:
            raise MachineError("the command does not come to an end in a virtual machine")
        if answer.output:
            self.say(answer.output)
        return answer.status
