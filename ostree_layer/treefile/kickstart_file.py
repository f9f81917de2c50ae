# SPDX-License-Identifier: GPL-2.0-or-later
"""A kickstart with all that it includes, as pykickstart reads it, and the place of each command, section and script."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pykickstart import base, errors, parser, version

from ostree_layer.errors import TreefileError
from ostree_layer.treefile.kinds import Mark
from ostree_layer.treefile.text import read_text

APPEND, INCLUDE = "%ksappend", "%include"
# What pykickstart lets through where a line makes no sense to it.
WRONG = (errors.KickstartError, ValueError, IndexError)


def load(path: Path) -> KickstartFile:
    """The kickstart at path; TreefileError names file and line."""
    read_text(path)
    with warnings.catch_warnings():
        # What is deprecated works.
        warnings.simplefilter("ignore")
        file = _of_its_version(path)
        try:
            file.readKickstart(str(path))
        except WRONG as e:
            raise TreefileError(f"{file.place}: {_sentence(e)}") from e
    return file


def _of_its_version(path: Path) -> KickstartFile:
    """A first line #version=RHEL9 chooses an old syntax."""
    try:
        return KickstartFile(version.versionFromFile(str(path)))
    except errors.KickstartVersionError as e:
        raise TreefileError(f"{path}: {_sentence(e)}", hint="#version= names it; without it, the newest is read") from e


def _sentence(e: Exception) -> str:
    said = "" if isinstance(e, IndexError) else str(getattr(e, "message", e)).strip().rstrip(".")
    if not said:
        return "this line cannot be read"
    return said[0].lower() + said[1:] if said[1:2].islower() else said


class KickstartFile(parser.KickstartParser):  # type: ignore[misc]
    """pykickstart's parser; files that are included are beside the file that includes them."""

    def __init__(self, syntax: int) -> None:
        self.commands: list[tuple[str, Mark, Any]] = []
        self.sections: list[tuple[str, Mark]] = []
        self.scripts: list[tuple[Mark, Any]] = []
        self._reading: list[_Lines] = []
        super().__init__(version.makeVersion(syntax))

    @property
    def place(self) -> Mark:
        """Where the parser is, or was when it failed."""
        return self._reading[-1].mark

    def readKickstart(self, f: str, reset: bool = True) -> None:  # noqa: FBT001, FBT002 - as it is called
        """Called for the file itself and by %include."""
        path = _beside(self.place, INCLUDE, f) if self._reading else Path(f)
        if any(os.path.samefile(path, lines.path) for lines in self._reading):
            raise TreefileError(f"{self.place}: {INCLUDE}: {path} includes itself")
        self._reading.append(_Lines(path))
        self._stateMachine(self._reading[-1])
        self._reading.pop()

    def handleCommand(self, lineno: int, args: list[str]) -> Any:
        if isinstance(self.handler.commands.get(args[0]), base.RemovedCommand):
            hint = "as its first line, #version=RHEL8 or #version=F28 has the file read as it was meant"
            raise self.place.error(args[0], "kickstarts have this command no more", hint)
        data = super().handleCommand(lineno, args)
        self.commands.append((args[0], self.place, data))
        return data

    def setupSections(self) -> None:
        super().setupSections()
        for name, section in self._sections.items():
            section.handleHeader = functools.partial(self._enter, name, section.handleHeader)
            if section.dataObj is parser.Script:
                section.dataObj = self._script

    def _enter(self, name: str, enter: Callable[[int, list[str]], None], lineno: int, args: list[str]) -> None:
        enter(lineno, args)
        self.sections.append((name, self.place))

    def _script(self, body: list[str], **properties: Any) -> Any:
        script = parser.Script(body, **properties)
        self.scripts.append((self.sections[-1][1], script))
        return script


class _Lines:
    """The lines of a file and of what it appends, as pykickstart takes them; `mark` is where the last one was."""

    def __init__(self, path: Path) -> None:
        self.path, self.mark = path, Mark(str(path), 1)
        self._rest = self._of((path,))
        self._again: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return self._again.pop() if self._again else next(self._rest)

    def put(self, line: str) -> None:
        self._again.append(line)

    def _of(self, chain: tuple[Path, ...]) -> Iterator[str]:
        """The last path's lines; `chain` is how one came there."""
        for number, line in enumerate(read_text(chain[-1]).splitlines(keepends=True), 1):
            self.mark = Mark(str(chain[-1]), number)
            name, path = (*line.split(maxsplit=1), "", "")[:2]
            if name == APPEND:
                yield from self._of((*chain, self._appended(path.strip(), chain)))
            else:
                yield line
        if len(chain) == 1:
            # The end of the file.
            yield ""

    def _appended(self, name: str, chain: tuple[Path, ...]) -> Path:
        path = _beside(self.mark, APPEND, name)
        if any(os.path.samefile(path, one) for one in chain):
            raise TreefileError(f"{self.mark}: {APPEND}: {path} appends itself")
        return path


def _beside(mark: Mark, what: str, name: str) -> Path:
    if "://" in name:
        raise mark.error(what, f"{name} is not a file", "get it, and name the file")
    path = Path(mark.file).parent / name
    if not path.is_file():
        raise mark.error(what, f"{path}: no such file")
    return path
