# SPDX-License-Identifier: GPL-2.0-or-later
"""Writing to what has ended, where stdout is no terminal: DNF lets a SIGPIPE end the process then."""

from __future__ import annotations

import subprocess
import sys

import pytest

AS_DNF = "import signal; signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
MONITOR = """
import socket
from ostree_layer import signals
from ostree_layer.errors import MachineError
from ostree_layer.vm.monitor import Monitor
ours, theirs = socket.socketpair()
theirs.sendall(b'{"QMP": {}}\\n{"return": {}}\\n{"return": {}}\\n')
with signals.losing_listeners():
    monitor = Monitor(ours)
    monitor.ask("cont")
    theirs.close()
    try:
        monitor.ask("quit")
    except MachineError as e:
        print(e)
"""
HELPER = """
from ostree_layer import process
from ostree_layer.errors import CommandError
try:
    with process.helper(["sh", "-c", "echo no memory >&2; exit 3"], "words " * 1_000_000, keep=1):
        pass
except CommandError as e:
    print(e)
"""
LOOPBACK = """
import socket, time
from ostree_layer import loopback

async def flood(reader, writer):
    try:
        while True:
            writer.write(bytes(1 << 16))
            await writer.drain()
    except ConnectionError as e:
        told.append(e)

told = []
with loopback.serving(flood) as port:
    socket.create_connection(("127.0.0.1", port)).close()
    while not told:
        time.sleep(0.01)
print("told:", type(told[0]).__name__)
"""


@pytest.mark.parametrize(
    ("work", "told"),
    [
        (MONITOR, "QEMU does not answer quit: [Errno 32] Broken pipe\n"),
        (HELPER, "sh -c 'echo no memory >&2; exit 3' exited with status 3: no memory\n"),
        (LOOPBACK, "told: "),
    ],
    ids=["monitor", "helper", "loopback"],
)
def test_what_has_ended_is_an_error(work: str, told: str) -> None:
    done = subprocess.run([sys.executable, "-c", AS_DNF + work], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith(told)
