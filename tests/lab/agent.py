# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs in a virtual machine for the tests: it does what it is told on the second serial line, in lines of JSON.

It comes to the machine's /run, whatever tree is booted, and needs nothing but Python.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
import tty
from typing import Any


def main() -> None:
    line = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
    tty.setraw(line)
    answer(line, {"ready": True})
    heard = b""
    while True:
        heard += os.read(line, 4096)
        while b"\n" in heard:
            request, _newline, heard = heard.partition(b"\n")
            answer(line, done(json.loads(request)))


def done(request: dict[str, Any]) -> dict[str, Any]:
    """The answer to a request: the time that it is, a file to be written or read, or a command to be run."""
    if "time" in request:
        time.clock_settime(time.CLOCK_REALTIME, request["time"])
        return {}
    if "write" in request:
        with open(request["write"], "wb") as file:
            file.write(base64.b64decode(request["content"]))
        return {}
    if "read" in request:
        with open(request["read"], "rb") as file:
            return {"content": base64.b64encode(file.read()).decode()}
    ran = subprocess.run(
        request["argv"],
        env=request["environment"],
        input=request["input"].encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        check=False,
    )
    return {"status": ran.returncode, "said": ran.stdout.decode(errors="replace")}


def answer(line: int, value: dict[str, Any]) -> None:
    data = json.dumps(value).encode() + b"\n"
    while data:
        data = data[os.write(line, data) :]


if __name__ == "__main__":
    main()
