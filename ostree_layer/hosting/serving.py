# SPDX-License-Identifier: GPL-2.0-or-later
"""A web server for one store, on loopback; whoever has real clients takes a real one."""

from __future__ import annotations

import http.server
import queue
import socket
import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

from ostree_layer.errors import RepoError

PORT = 8080
# Nothing else of a store is for its clients.
PUBLIC = ("config", "summary", "summary.sig", "key.asc", "objects", "refs", "deltas", "delta-indexes")


class Server(http.server.ThreadingHTTPServer):
    """Listens as soon as it is there; `asked` has a line for each request that was answered."""

    daemon_threads = True

    def __init__(self, folder: Path, address: str, port: int) -> None:
        self.folder = folder
        self.asked: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            super().__init__((address, port), _Handler)
        except (OSError, OverflowError) as e:
            raise RepoError(f"listening on port {port} of {address}: {e}", hint="--port=PORT names another one") from e

    @property
    def url(self) -> str:
        address = str(self.server_address[0])
        return f"http://{f'[{address}]' if ':' in address else address}:{self.server_port}"


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def __init__(self, request: Any, client: Any, server: Any) -> None:
        super().__init__(request, client, server, directory=str(server.folder))

    def send_head(self) -> Any:
        parts = [part for part in self.path.partition("?")[0].split("/") if part]
        if not parts or parts[0] not in PUBLIC or any(part.startswith(".") for part in parts):
            return self.send_error(HTTPStatus.NOT_FOUND)
        if Path(self.translate_path(self.path)).is_dir():
            return self.send_error(HTTPStatus.NOT_FOUND)
        return super().send_head()

    def log_message(self, format: str, *values: object) -> None:
        self.server.asked.put(f"{self.client_address[0]} {format % values}")


def lines(server: Server) -> Iterator[str]:
    """Serve until the process is told to end; meanwhile, tell of each request."""
    yield f"{server.folder} is at {server.url}/ until this is ended, as by Ctrl-C."
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            while True:
                yield server.asked.get()
        finally:
            server.shutdown()
