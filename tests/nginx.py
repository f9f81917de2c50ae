# SPDX-License-Identifier: GPL-2.0-or-later
"""The real nginx with the configuration that users get."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests import guard, servers

CONFIGURATION = guard.CHECKOUT / "docs/nginx.conf"
# Its folders for temporary files are set when it is built.
SCRIPT = 'mount -t tmpfs tmpfs /var/lib/nginx && exec nginx -c "$1" -g "daemon off; user root;"'


@contextlib.contextmanager
def serving(store: Path, work: Path, *, address: str = "", inside: Sequence[str] = ()) -> Iterator[str]:
    """For the body, nginx with the store; yield its URL. `inside` is an argv to start it by, as in a namespace."""
    work.mkdir()
    where = address or f"127.0.0.1:{servers.free_port()}"
    configuration = work / "nginx.conf"
    configuration.write_text(_substituted(store, work, where))
    argv = [*inside, "unshare", "--mount", "--propagation=private", "sh", "-ec", SCRIPT, "sh", os.fspath(configuration)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as child:
        try:
            while not (work / "pid").exists() and child.poll() is None:
                time.sleep(0.02)
            assert child.poll() is None, child.stderr and child.stderr.read()
            yield f"http://{where}"
        finally:
            child.terminate()


def _substituted(store: Path, work: Path, where: str) -> str:
    text = CONFIGURATION.read_text()
    for former, new in (
        ("listen 80;", f"listen {where};"),
        ("root /srv/trees;", f"root {store};"),
        ("pid /run/nginx.pid;", f"pid {work}/pid;"),
        ("/var/log/nginx/", f"{work}/"),
    ):
        assert former in text
        text = text.replace(former, new)
    return text
