# SPDX-License-Identifier: GPL-2.0-or-later
"""A web server with a repository, which can be told to fail."""

from __future__ import annotations

import contextlib
import functools
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, TypeVar

S = TypeVar("S", bound=ThreadingHTTPServer)


class Server(ThreadingHTTPServer):
    """Serves a folder; after `limit` requests for content it closes connections without an answer.

    `asked` are the paths of the requests that it has answered; `before` is called with each of them first. Answers to
    paths that end with `cut_short`, if it is given, are half of what they should be.
    """

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
        self.folder = folder
        self.limit: int | None = None
        self.asked: list[str] = []
        self.before: Callable[[str], object] = lambda path: None
        self.cut_short = ""

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
        server.before(self.path)
        server.asked.append(self.path)
        super().do_GET()

    def copyfile(self, source: Any, outputfile: Any) -> None:
        server: Any = self.server
        content = source.read()
        is_whole = not server.cut_short or not self.path.endswith(server.cut_short)
        outputfile.write(content if is_whole else content[: len(content) // 2])

    def log_message(self, *_args: object) -> None:
        pass


class Proxy(ThreadingHTTPServer):
    """Passes requests on; `asked` are the addresses, and `rights` what clients say that allows them to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Proxying)
        self.asked: list[str] = []
        self.rights: set[str] = set()


class _Proxying(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Any = self.server
        server.asked.append(self.path)
        server.rights.add(self.headers.get("Proxy-Authorization", ""))
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(self.path) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as e:
            with e:
                status, content = e.code, b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: object) -> None:
        pass


def serving(folder: Path) -> contextlib.AbstractContextManager[Server]:
    return running(Server(folder))


@contextlib.contextmanager
def running(made: S) -> Iterator[S]:
    with made as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
