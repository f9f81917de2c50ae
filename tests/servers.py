# SPDX-License-Identifier: GPL-2.0-or-later
"""A web server with a repository, which can be told to fail."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Server(ThreadingHTTPServer):
    """Serves a folder; after `limit` requests for content it closes connections without an answer.

    `asked` are the paths of the requests that it has answered.
    """

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
        self.limit: int | None = None
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def content(self) -> list[str]:
        """The requests for files and directories of trees."""
        return [path for path in self.asked if path.endswith((".filez", ".dirtree", ".dirmeta"))]


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        server: Any = self.server
        if server.limit is not None and len(server.content) >= server.limit:
            self.close_connection = True
            return
        server.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_args: object) -> None:
        pass


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Server]:
    with Server(folder) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
