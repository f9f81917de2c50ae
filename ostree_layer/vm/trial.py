# SPDX-License-Identifier: GPL-2.0-or-later
"""One boot of a commit in a virtual machine, and what came of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable, NamedTuple

from ostree_layer.errors import MachineError
from ostree_layer.failpoint import failpoint
from ostree_layer.report import Report
from ostree_layer.vm import machine
from ostree_layer.vm.emulator import Emulator
from ostree_layer.vm.machine import Machine, Running
from ostree_layer.vm.probe import Heard, Probe, Trial

# Bytes of the console that are kept, the last ones, and those of a picture.
CONSOLE, PICTURE = 256 << 10, 4 << 20
# Seconds that the probe has, beside what it waits for, to say that the target was not reached.
GRACE = 30


class Bench(NamedTuple):
    """What a trial is made with: QEMU, and a folder for all that it writes."""

    emulator: Emulator
    folder: Path
    report: Report


def attempt(made: Machine, bench: Bench, probe: Probe) -> Trial:
    """Run a machine until its probe is done, or there is nothing more to be heard."""
    started, begun = time.time(), time.monotonic()
    with machine.running(made, bench.emulator, bench.folder) as running:
        failpoint("smoketest::running")
        listener = _Listener(running, probe)
        with bench.report(f"Booting it ({bench.emulator.accelerator})"):
            listener.wait(lambda: listener.heard.is_up, probe.seconds, begun)
            seconds = listener.wait(lambda: 0 in listener.answered, probe.seconds + GRACE, begun)
        with bench.report("Checking it"):
            listener.wait(lambda: listener.heard.is_done, 2 * probe.seconds + GRACE, begun)
        screen = _screen(running, bench.folder / "screen.png")
        shown, left_out = running.tail(CONSOLE)
    reached = seconds if listener.answered.get(0) == 0 else None
    return Trial(started, bench.emulator.accelerator, reached, listener.heard, listener.end, shown, left_out, screen)


class _Listener:
    """Hears a probe while its machine runs; `end` is why it hears nothing more."""

    def __init__(self, running: Running, probe: Probe) -> None:
        self._running, self._probe = running, probe
        self.heard, self.end = Heard(), ""
        self.answered: dict[int, int] = {}

    def wait(self, until: Callable[[], bool], seconds: float, begun: float) -> float:
        """Wait for something until so many seconds after the begin, and return when it came, or was given up."""
        left = begun + seconds - time.monotonic()
        try:
            if not self.end and not self._running.wait(lambda: self._hear() or until(), left):
                self.end = "time"
        except MachineError as e:
            hint = "that is about the machine that tests the tree, and not about the tree"
            said = self._running.complaint()
            why = f"{e}" if said in str(e) else f"{e}: {said}"
            raise MachineError(f"commit {self._probe.commit[:12]} is not tested: {why}", hint=hint) from e
        return round(time.monotonic() - begun, 1)

    def _hear(self) -> bool:
        """Hear what there is; True where no more can come."""
        state, is_loud = self._running.state(), self._running.is_loud()
        self.heard = self._probe.hear(self._running.told().splitlines())
        answers = self.heard.answers.items()
        self.answered = {number: answer.status for number, answer in answers if answer.status is not None}
        if state == "io-error":
            raise MachineError("its disk cannot be written to; the file system of the repository may be full")
        if self.heard.is_done:
            return False
        self.end = "off" if state != "running" else "loud" if is_loud else ""
        return bool(self.end)


def _screen(running: Running, path: Path) -> bytes | None:
    """What the screen shows; nothing where it is larger than anybody needs."""
    running.monitor.screenshot(path)
    return path.read_bytes() if path.stat().st_size <= PICTURE else None
