# SPDX-License-Identifier: GPL-2.0-or-later
"""A limit for downloads that know none: a forward proxy on this machine, there for as long as they last."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
import threading
from collections.abc import Iterator

from ostree_layer.errors import RepoError
from ostree_layer.forwarding import FAILURES, Pace, Route, Rules, Visit


@contextlib.contextmanager
def running(rate: int, route: Route) -> Iterator[str]:
    """For the body, a proxy through which no more than rate bytes a second come; yield its address."""
    word, loop, ready = secrets.token_hex(16), asyncio.new_event_loop(), threading.Event()
    proxy = Throttle(rate, route, word)
    thread = threading.Thread(target=loop.run_until_complete, args=(proxy.serve(ready),), daemon=True)
    thread.start()
    try:
        ready.wait()
        if not proxy.port:
            raise RepoError("the proxy that throttles downloads could not listen on 127.0.0.1")
        yield f"http://dnf:{word}@127.0.0.1:{proxy.port}"
    finally:
        loop.call_soon_threadsafe(proxy.stop)
        thread.join()
        loop.close()


class Throttle:
    """The proxy; whoever knows its word may use it."""

    def __init__(self, rate: int, route: Route, word: str) -> None:
        right = "Basic " + base64.b64encode(f"dnf:{word}".encode()).decode()
        self._rules = Rules(Pace(rate), route, right)
        self._stopped: asyncio.Event | None = None
        self.port = 0

    async def serve(self, ready: threading.Event) -> None:
        self._stopped = asyncio.Event()
        try:
            server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
        finally:
            ready.set()
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stopped.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def stop(self) -> None:
        if self._stopped is not None:
            self._stopped.set()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the client's, to its end."""
        visit = Visit(self._rules, (reader, writer))
        try:
            with contextlib.suppress(*FAILURES):
                while await visit.answer_one():
                    pass
        finally:
            visit.close()
