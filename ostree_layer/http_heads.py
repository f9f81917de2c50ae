# SPDX-License-Identifier: GPL-2.0-or-later
"""Heads of HTTP/1.1 messages, as far as a forward proxy has to understand them."""

from __future__ import annotations

import asyncio
import dataclasses
import urllib.parse

END = b"\r\n\r\n"
# What is between two neighbours only.
HOPS = {"connection", "keep-alive", "proxy-connection", "proxy-authorization", "te", "upgrade"}


@dataclasses.dataclass(frozen=True)
class Head:
    """The three words of the first line, and the fields in their order; `raw` is the whole as it came."""

    start: tuple[str, str, str]
    fields: tuple[tuple[str, str], ...]
    raw: bytes

    def get(self, name: str) -> str:
        return ", ".join(value for key, value in self.fields if key.lower() == name)

    @property
    def _is_old(self) -> bool:
        return "HTTP/1.0" in (self.start[0], self.start[2])

    @property
    def is_last(self) -> bool:
        """Whether the connection ends with this message."""
        word = (self.get("connection") + self.get("proxy-connection")).lower()
        ends_with_body = self.is_answer and not self.has_no_body and not self.is_chunked and self.length is None
        return "close" in word or ends_with_body or (self._is_old and "keep-alive" not in word)

    @property
    def is_answer(self) -> bool:
        return self.start[0].startswith("HTTP/")

    @property
    def has_no_body(self) -> bool:
        return self.start[1] in ("204", "304")

    @property
    def is_chunked(self) -> bool:
        return "chunked" in self.get("transfer-encoding").lower()

    @property
    def length(self) -> int | None:
        word = self.get("content-length")
        return int(word) if word else None


async def read(source: asyncio.StreamReader) -> Head | None:
    """The next head; None where the connection ends instead. ValueError where it is none."""
    while True:
        try:
            raw = await source.readuntil(END)
        except asyncio.IncompleteReadError:
            return None
        head = parse(raw)
        if not (head.is_answer and head.start[1].startswith("1")):  # 100 Continue and its like come before the answer
            return head


def parse(raw: bytes) -> Head:
    first, *lines = raw[: -len(END)].decode("latin-1").split("\r\n")
    words = [*first.split(" ", 2), "", ""]
    fields = tuple((name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
    return Head((words[0], words[1], words[2]), fields, raw)


def forwarded(head: Head, parts: urllib.parse.SplitResult, credentials: str, *, is_proxied: bool) -> bytes:
    """A request as the next one behind gets it: a server its path, another proxy the whole address."""
    path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
    target = head.start[1] if is_proxied else path
    lines = [f"{head.start[0]} {target} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}"]
    lines += [f"{key}: {value}" for key, value in head.fields if key.lower() not in HOPS | {"host"}]
    return _written(lines, credentials)


def connect(target: str, credentials: str) -> bytes:
    return _written([f"CONNECT {target} HTTP/1.1", f"Host: {target}"], credentials)


def _written(lines: list[str], credentials: str) -> bytes:
    secret = [f"Proxy-Authorization: {credentials}"] if credentials else []
    return ("\r\n".join([*lines, *secret]) + "\r\n\r\n").encode("latin-1")
