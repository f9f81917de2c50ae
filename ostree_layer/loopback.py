# SPDX-License-Identifier: GPL-2.0-or-later
"""A server on this machine for itself, in a thread of this process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Iterator
from typing import Callable

from ostree_layer import signals
from ostree_layer.errors import HostError

Meet = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.contextmanager
def serving(meet: Meet) -> Iterator[int]:
    """For the body, let meet answer each connection to 127.0.0.1; yield the port. What goes on then is ended."""
    server, loop, ready = _Server(meet), asyncio.new_event_loop(), threading.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(server.serve(ready),), daemon=True)
    thread.start()
    try:
        ready.wait()
        if not server.port:
            raise HostError("nothing can listen on 127.0.0.1, which throttle= needs")
        with signals.losing_listeners():
            yield server.port
    finally:
        if server.port:
            loop.call_soon_threadsafe(server.stopped.set)
        thread.join()
        loop.close()


class _Server:
    def __init__(self, meet: Meet) -> None:
        self._meet = meet
        self.port = 0

    async def serve(self, ready: threading.Event) -> None:
        self.stopped = asyncio.Event()
        try:
            server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
        except OSError:
            return  # no port says it
        finally:
            ready.set()
        await self.stopped.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # what they have closed is closed in the next round
