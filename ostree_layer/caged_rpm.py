# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF's RPM transaction, run in a cage: librpm there, DNF's callbacks and what it prints here."""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, Protocol

import dnf.rpm.transaction
import rpm

from ostree_layer import cage, database
from ostree_layer.cage import Channel
from ostree_layer.errors import TransactionFailed

# Of these there are many, and rpm does not wait for an answer.
PROGRESS = (
    rpm.RPMCALLBACK_INST_PROGRESS,
    rpm.RPMCALLBACK_UNINST_PROGRESS,
    rpm.RPMCALLBACK_TRANS_PROGRESS,
    rpm.RPMCALLBACK_VERIFY_PROGRESS,
)
# Seconds between two of them that nobody would miss.
TELLING = 0.05
PREPARED = "prepared"
# Whose mode and owner rpm must leave alone: it is there, and some package says so.
READ_ONLY = "/proc"
# What DNF opens in the staged root when rpm is done; a scriptlet must not have led it elsewhere.
OPENED_AFTERWARDS = (*database.RPMDB_DIRECTORIES, database.HISTORY_DIRECTORY)


class Watcher(Protocol):
    """What is told of each scriptlet, and before the first one, while nothing happens in the cage."""

    def start(self) -> None: ...

    def begins(self) -> None: ...

    def ended(self, package: str) -> None: ...


def use(watch: Watcher, prepare: Callable[[], None], *, network: bool) -> None:
    """Make DNF, in this process, run its RPM transactions in a cage, in which `prepare` comes first."""
    rpm.addMacro("_netsharedpath", READ_ONLY)
    dnf.rpm.transaction.TransactionWrapper = functools.partial(
        Transaction, watch=watch, prepare=prepare, network=network
    )


class Transaction(dnf.rpm.transaction.TransactionWrapper):  # type: ignore[misc] # DNF has no types
    """An RPM transaction whose `run` is one in a cage; the rest of it works in this process."""

    def __init__(self, root: str, *, watch: Watcher, prepare: Callable[[], None], network: bool) -> None:
        super().__init__(root)
        self._root, self._watch, self._prepare, self._network = root, watch, prepare, network
        self._script_output: list[int] = []
        self._failed: set[int] = set()

    def setScriptFd(self, file: Any) -> None:
        self._script_output = [file.fileno()]
        super().setScriptFd(file)

    def __iter__(self) -> Iterator[Any]:
        return (Element(element, failed=number in self._failed) for number, element in enumerate(self.ts))

    def run(self, callback: Callable[..., Any], data: Any) -> Any:
        """As rpm's own `run`; DNF's callback is called here, for what happens there."""
        elements = list(self.ts)
        self.ts.closeDB()  # a database connection must not be shared between processes
        self.ts.setFlags(self.ts.setFlags(0) | rpm.RPMTRANS_FLAG_NOPLUGINS)  # they speak to the host's services
        caged = cage.started(Path(self._root), self._work, keep=self._script_output, network=self._network)
        with caged as channel:
            problems, failed = self._serve(channel, elements, callback, data)
        self._require_inside()
        self._failed = set(failed)
        return problems and [tuple(problem) for problem in problems]

    def _work(self, channel: Channel) -> None:
        """In the cage: let rpm run, and pass on what it tells its callback."""
        numbers = {id(element.Key()): number for number, element in enumerate(self.ts)}
        opened: list[int] = []
        told = [0.0]

        def callback(what: int, amount: int, total: int, key: Any, _data: Any) -> int | None:
            if what in PROGRESS and amount < total and time.monotonic() < told[0] + TELLING:
                return None
            said = key if isinstance(key, str) else numbers.get(id(key))
            channel.send(json.dumps((what, amount, total, said)).encode())
            told[0] = time.monotonic()
            if what in PROGRESS:
                return None
            while what == rpm.RPMCALLBACK_INST_CLOSE_FILE and opened:
                os.close(opened.pop())
            opened.extend(channel.receive()[1])
            return opened[-1] if what == rpm.RPMCALLBACK_INST_OPEN_FILE and opened else None

        self._prepare()
        channel.send(json.dumps(PREPARED).encode())
        channel.receive()
        problems = self.ts.run(callback, "")
        failed = [number for number, element in enumerate(self.ts) if element.Failed()]
        self.ts.closeDB()
        channel.send(json.dumps((problems, failed)).encode())

    def _serve(self, channel: Channel, elements: list[Any], callback: Callable[..., Any], data: Any) -> Any:
        """Call DNF's callback for what comes out of the cage, until the result does."""
        package = ""
        while True:
            said = _receive(channel)
            if said == PREPARED:
                self._watch.start()
                channel.send(b"")
                continue
            if len(said) == 2:
                return said
            what, amount, total, key = said
            if what == rpm.RPMCALLBACK_ELEM_PROGRESS:
                package = elements[amount].N()
            if what == rpm.RPMCALLBACK_SCRIPT_START:
                self._watch.begins()
            elif what == rpm.RPMCALLBACK_SCRIPT_STOP:
                self._watch.ended(package)
            result = callback(what, amount, total, elements[key].Key() if isinstance(key, int) else key, data)
            if what not in PROGRESS:
                opened = [result] if what == rpm.RPMCALLBACK_INST_OPEN_FILE and result is not None else []
                channel.send(b"", *opened)

    def _require_inside(self) -> None:
        root = os.path.realpath(self._root)
        for directory in OPENED_AFTERWARDS:
            if not os.path.realpath(f"{root}/{directory}").startswith(f"{root}/"):
                raise TransactionFailed(f"a scriptlet has put a link that leads out of the tree in /{directory}")


class Element:
    """An element of an RPM transaction, and whether it failed in the cage."""

    def __init__(self, element: Any, *, failed: bool) -> None:
        self._element, self._has_failed = element, failed

    def Failed(self) -> bool:
        return self._has_failed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._element, name)


def _receive(channel: Channel) -> Any:
    try:
        data = channel.receive()[0]
    except EOFError:
        raise TransactionFailed("the rpm transaction was killed before it was done") from None
    cage.raise_failure(data)
    return json.loads(data)
