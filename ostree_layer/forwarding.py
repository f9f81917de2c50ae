# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests passed on to servers, and what they answer passed back at a pace."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import hmac
import socket
import urllib.parse
from typing import Callable

from ostree_layer import http_heads
from ostree_layer.http_heads import Head

# The proxy to go through to a server, by scheme and host; empty for none.
Route = Callable[[str, str], str]
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
BLOCK = 1 << 14
# What the kernel may hold back of one connection: more would come down the wire before its time.
BUFFER = 1 << 16
# How much of a second an idle line may make good.
BURST = 0.05
WAITING = 60.0
FAILURES = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.TimeoutError, ValueError)


class Pace:
    """So many bytes a second, for all connections together, which wait in one line."""

    def __init__(self, rate: int) -> None:
        self._rate, self._next = rate, 0.0
        self.block = max(1, min(BLOCK, rate // 20))

    async def take(self, size: int) -> None:
        """Wait until size more bytes may come."""
        now = asyncio.get_running_loop().time()
        self._next = max(self._next, now - BURST) + size / self._rate
        await asyncio.sleep(self._next - now)


@dataclasses.dataclass(frozen=True)
class Rules:
    """How to pass on: `right` is the Proxy-Authorization of those who may ask."""

    pace: Pace
    route: Route
    right: str

    @classmethod
    def of(cls, rate: int, route: Route, word: str) -> Rules:
        """At rate bytes a second, for whoever names themselves by this word."""
        return cls(Pace(rate), route, _basic(word, ""))

    def lets_in(self, head: Head) -> bool:
        return hmac.compare_digest(head.get("proxy-authorization").encode(), self.right.encode())


async def meet(rules: Rules, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection of the client's, to its end."""
    visit = Visit(rules, (reader, writer))
    try:
        with contextlib.suppress(*FAILURES):
            while await visit.answer_one():
                pass
    finally:
        visit.close()


class Visit:
    """One connection of the client's, and the one behind it, kept while requests are for the same server."""

    def __init__(self, rules: Rules, client: Line) -> None:
        self._rules, self._client = rules, client
        self._server: Line | None = None
        self._where = ("", "")

    def close(self) -> None:
        self._client[1].close()
        self._leave()

    def _leave(self) -> None:
        if self._server is not None:
            self._server[1].close()
        self._server, self._where = None, ("", "")

    async def answer_one(self) -> bool:
        """Answer a request; whether another may follow."""
        head = await http_heads.read(self._client[0])
        if head is None:
            return False
        method, target, _version = head.start
        if not self._rules.lets_in(head):
            return self._refuse("407 Proxy Authentication Required")
        if method == "CONNECT":
            await self._tunnel(target)
            return False
        parts = urllib.parse.urlsplit(target)
        if method not in ("GET", "HEAD") or parts.scheme != "http" or not parts.hostname:
            return self._refuse("501 Not Implemented")
        return await self._fetch(head, parts)

    def _refuse(self, status: str) -> bool:
        self._client[1].write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        return False

    async def _fetch(self, head: Head, parts: urllib.parse.SplitResult) -> bool:
        proxy = self._rules.route("http", parts.hostname or "")
        where, was_open = (parts.netloc, proxy), self._where == (parts.netloc, proxy)
        request = http_heads.forwarded(head, parts, _credentials(proxy), is_proxied=bool(proxy))
        try:
            answer = await self._asked(where, request)
            if answer is None and was_open:  # a server may end what it finds idle
                self._leave()
                answer = await self._asked(where, request)
        except FAILURES:
            return self._refuse("502 Bad Gateway")
        if answer is None:  # as it ended, the client's ends
            return False
        self._client[1].write(answer.raw)
        await self._pass_on(answer, is_head=head.start[0] == "HEAD")
        if answer.is_last:
            self._leave()
        return not (answer.is_last or head.is_last)

    async def _asked(self, where: tuple[str, str], request: bytes) -> Head | None:
        if self._where != where:
            self._leave()
            self._server, self._where = await _open(where[1] or f"http://{where[0]}"), where
        assert self._server is not None
        try:
            self._server[1].write(request)
            return await asyncio.wait_for(http_heads.read(self._server[0]), WAITING)
        except ConnectionError:
            return None

    async def _pass_on(self, answer: Head, *, is_head: bool) -> None:
        assert self._server is not None
        if is_head or answer.has_no_body:
            return
        if answer.is_chunked:
            await self._pass_on_chunks(self._server[0])
        else:
            await self._copy(self._server[0], answer.length)

    async def _pass_on_chunks(self, source: asyncio.StreamReader) -> None:
        while True:
            line = await source.readuntil(b"\r\n")
            self._client[1].write(line)
            size = int(line.split(b";")[0], 16)
            if not size:
                break
            await self._copy(source, size + 2)
        while line != b"\r\n":  # trailers
            line = await source.readuntil(b"\r\n")
            self._client[1].write(line)

    async def _copy(self, source: asyncio.StreamReader, size: int | None) -> None:
        """Pass on size bytes, or all there are, at the rate; EOF before its time ends the connection."""
        writer = self._client[1]
        while size is None or size > 0:
            block = await source.read(self._rules.pace.block if size is None else min(self._rules.pace.block, size))
            if not block:
                if size is not None:
                    raise asyncio.IncompleteReadError(b"", size)
                return
            await self._rules.pace.take(len(block))
            writer.write(block)
            await writer.drain()
            size = None if size is None else size - len(block)

    async def _tunnel(self, target: str) -> None:
        proxy = self._rules.route("https", target.rpartition(":")[0].strip("[]"))
        try:
            self._server = await _open(proxy or f"http://{target}")
            if proxy:
                self._server[1].write(http_heads.connect(target, _credentials(proxy)))
                answer = await asyncio.wait_for(http_heads.read(self._server[0]), WAITING)
                if answer is None or answer.start[1] != "200":
                    self._refuse("502 Bad Gateway")
                    return
        except FAILURES:
            self._refuse("502 Bad Gateway")
            return
        self._client[1].write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        upward = asyncio.ensure_future(_relay(self._client[0], self._server[1]))
        try:
            await self._copy(self._server[0], None)
        finally:
            upward.cancel()


async def _relay(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while block := await source.read(BLOCK):
            target.write(block)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()


async def _open(address: str) -> Line:
    parts = urllib.parse.urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    opening = asyncio.open_connection(parts.hostname, port, ssl=parts.scheme == "https" or None, limit=BUFFER)
    line = await asyncio.wait_for(opening, WAITING)
    line[1].get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    return line


def _credentials(proxy: str) -> str:
    parts = urllib.parse.urlsplit(proxy)
    if parts.username is None:
        return ""
    return _basic(urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or ""))


def _basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
