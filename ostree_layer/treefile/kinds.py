# SPDX-License-Identifier: GPL-2.0-or-later
"""Values of a treefile with the lines they are on, and the kinds of value that a key can want."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ostree_layer.errors import TreefileError, nearest

JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}


@dataclass(frozen=True)
class Mark:
    """A place in a file; lines are counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    def error(self, key: str, what: str, hint: str = "") -> TreefileError:
        return TreefileError(f"{self}: {key}: {what}", hint=hint)


@dataclass(frozen=True)
class Value:
    """A scalar, a list of Values or a dict of Values; the value of a key is where the key is."""

    content: Any
    mark: Mark

    def plain(self) -> Any:
        if isinstance(self.content, list):
            return [item.plain() for item in self.content]
        if isinstance(self.content, dict):
            return {name: item.plain() for name, item in self.content.items()}
        return self.content

    def described(self) -> str:
        if self.content is None:
            return "empty"
        if isinstance(self.content, (list, dict)):
            return "a list" if isinstance(self.content, list) else "a mapping"
        if isinstance(self.content, bool):
            return "true" if self.content else "false"
        text = str(self.content)
        shown = text if len(text) <= 40 else f"{text[:37]}..."
        return f"the string {shown!r}" if isinstance(self.content, str) else f"the number {shown}"


class Kind:
    """What a value has to be; `words` end the sentence "must be ..."."""

    words: str

    def read(self, value: Value, key: str) -> Any:
        """The plain value; TreefileError where it is of another kind."""
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        """The same, as JSON Schema."""
        raise NotImplementedError

    def write(self, plain: Any) -> Any:
        """What read gives back as plain."""
        return plain

    def other(self, value: Value, key: str) -> TreefileError:
        return value.mark.error(key, f"must be {self.words}, not {value.described()}")


@dataclass(frozen=True)
class Scalar(Kind):
    words: str
    types: tuple[type, ...]
    choices: tuple[Any, ...] = ()

    def read(self, value: Value, key: str) -> Any:
        # A bool is an int to isinstance.
        if type(value.content) not in self.types or (self.choices and value.content not in self.choices):
            raise self.other(value, key)
        return value.content

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.choices)} if self.choices else {"type": [JSON_TYPES[one] for one in self.types]}


class Anything(Kind):
    words = "anything"

    def read(self, value: Value, key: str) -> Any:
        return value.plain()

    def schema(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class ListOf(Kind):
    item: Kind
    words: str = "a list"
    least: int = 0
    most: int | None = None

    def read(self, value: Value, key: str) -> list[Any]:
        items = value.content
        if not isinstance(items, list):
            raise self.other(value, key)
        if len(items) < self.least or (self.most is not None and len(items) > self.most):
            raise value.mark.error(key, f"must be {self.words}, not a list of {len(items)}")
        return [self.item.read(item, key) for item in items]

    def schema(self) -> dict[str, Any]:
        most = {} if self.most is None else {"maxItems": self.most}
        return {"type": "array", "items": self.item.schema(), "minItems": self.least, **most}

    def write(self, plain: Any) -> Any:
        return [self.item.write(item) for item in plain]


class Packages(ListOf):
    """White space separates, but not inside single quotes."""

    def read(self, value: Value, key: str) -> list[Any]:
        packages: list[str] = []
        for text, item in zip(super().read(value, key), value.content):
            parts = text.split("'")
            if len(parts) % 2 == 0:
                raise item.mark.error(key, f"a single quote is not closed in {item.described()}")
            for number, part in enumerate(parts):
                packages += [part.strip()] if number % 2 else part.split()
        return [package for package in packages if package]

    def write(self, plain: Any) -> Any:
        return list(map(quoted, plain))


def quoted(package: str) -> str:
    """As an entry of packages that means this one, even if it has spaces."""
    return f"'{package}'" if len(package.split()) > 1 else package


@dataclass(frozen=True)
class OneOrMany(Kind):
    """A single item stands for a list of it."""

    item: Kind
    words: str

    def read(self, value: Value, key: str) -> list[Any]:
        if isinstance(value.content, dict) or value.content is None:
            raise self.other(value, key)
        items = value.content if isinstance(value.content, list) else [value]
        return [self.item.read(item, key) for item in items]

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.item.schema(), {"type": "array", "items": self.item.schema()}]}


@dataclass(frozen=True)
class Marked(Kind):
    """What is checked now and read later, with its line."""

    item: Kind

    def read(self, value: Value, key: str) -> Value:
        self.item.read(value, key)
        return value

    def schema(self) -> dict[str, Any]:
        return self.item.schema()


@dataclass(frozen=True)
class MapOf(Kind):
    item: Kind
    words: str = "a mapping"

    def read(self, value: Value, key: str) -> dict[str, Any]:
        if not isinstance(value.content, dict):
            raise self.other(value, key)
        return {name: self.item.read(member, f"{key}.{name}") for name, member in value.content.items()}

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.item.schema()}


@dataclass(frozen=True)
class Record(Kind):
    members: Mapping[str, Kind]
    required: tuple[str, ...] = ()

    @property
    def words(self) -> str:  # type: ignore[override]
        return f"a mapping with {', '.join(self.members)}"

    def read(self, value: Value, key: str) -> dict[str, Any]:
        if not isinstance(value.content, dict):
            raise self.other(value, key)
        for name, member in value.content.items():
            if name not in self.members:
                hint = nearest(name, self.members, otherwise=f"known are: {', '.join(self.members)}")
                raise member.mark.error(f"{key}.{name}", "no such key", hint)
        for name in self.required:
            if name not in value.content:
                raise value.mark.error(key, f"{name} is missing")
        return {name: self.members[name].read(member, f"{key}.{name}") for name, member in value.content.items()}

    def schema(self) -> dict[str, Any]:
        members = {name: kind.schema() for name, kind in self.members.items()}
        return {
            "type": "object",
            "properties": members,
            "required": list(self.required),
            "additionalProperties": False,
        }

    def write(self, plain: Any) -> Any:
        return {name: self.members[name].write(member) for name, member in plain.items()}
