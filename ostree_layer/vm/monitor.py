# SPDX-License-Identifier: GPL-2.0-or-later
"""What QEMU is told while a machine runs, by QMP."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from ostree_layer.errors import MachineError

# Seconds until QEMU answers; a snapshot takes some.
PATIENCE = 120


class Monitor:
    """The line to QEMU; it ends when QEMU does."""

    def __init__(self, line: socket.socket) -> None:
        line.settimeout(PATIENCE)
        self._line = line.makefile("rwb", buffering=0)
        self._is_known = False

    def ask(self, command: str, **arguments: Any) -> Any:
        """What QEMU returns; MachineError with what it says, where it refuses."""
        if not self._is_known:
            self._is_known = True
            self._hear()  # a greeting comes first
            self.ask("qmp_capabilities")
        try:
            self._line.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
            answer = self._hear()
            while "event" in answer:
                answer = self._hear()
        except OSError as e:
            raise MachineError(f"QEMU does not answer {command}: {e}") from e
        if "error" in answer:
            raise MachineError(f"QEMU refuses {command}: {answer['error']['desc']}")
        return answer["return"]

    def _hear(self) -> dict[str, Any]:
        line = self._line.readline()
        if not line:
            raise MachineError("QEMU has ended")
        return dict(json.loads(line))

    def screenshot(self, path: Path) -> None:
        """Write what is on the screen to a PNG file."""
        self.ask("screendump", filename=str(path), format="png")

    def save(self, name: str) -> None:
        """Keep the whole state of the machine in its disk, under a name that another run begins from."""
        said = self.ask("human-monitor-command", **{"command-line": f"savevm {name}"})
        if said:
            raise MachineError(f"the machine's state cannot be kept: {said.strip()}")

    def end(self) -> None:
        """Pull the plug."""
        self.ask("quit")
