# SPDX-License-Identifier: GPL-2.0-or-later
"""YAML and JSON, read into Values; scalars mean what YAML 1.2 says, so that `no` is a string."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from ostree_layer.errors import TreefileError
from ostree_layer.treefile.kinds import Mark, Value
from ostree_layer.treefile.text import read_text

# An alias can stand for ten others, and each of these for ten more.
MOST_VALUES = 100_000
MOST_LEVELS = 64
# Python makes no number of more than 4300 digits.
MOST_DIGITS = 4000
MERGE = "<<"
CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
NUMBER = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.?[0-9]+)([eE][-+]?[0-9]+)?")
LEADING_ZERO = re.compile(r"[-+]?0[0-9]")
RARE = re.compile(r"[^\n\r -~]")
STANDARD_TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")


def load(path: Path) -> Value:
    """The mapping that a file holds; TreefileError with file and line where it holds none."""
    import yaml  # noqa: PLC0415 - many a host has it not, where only trees are looked at

    text = read_text(path)
    if path.suffix == ".json":
        text = _checked_json(path, text)
    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as e:
        line = e.problem_mark.line + 1 if e.problem_mark else 1
        what = ", ".join(part for part in (e.context, e.problem) if part)
        raise TreefileError(f"{path}:{line}: this is not YAML: {what}") from e
    except yaml.YAMLError as e:
        raise TreefileError(f"{path}: this is not YAML: {str(e).splitlines()[0]}") from e
    except RecursionError as e:
        raise TreefileError(f"{path}: what is in it is nested too deeply") from e
    if node is None:
        raise TreefileError(f"{path}: the file is empty")
    value = _Walk(str(path)).value(node, node.start_mark.line + 1, 0)
    if not isinstance(value.content, dict):
        raise TreefileError(f"{path}:{value.mark.line}: a treefile is a mapping of keys, not {value.described()}")
    return value


def resolved(text: str) -> Any:
    """What a scalar without quotes means."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    if WHOLE.fullmatch(text):
        return int(text) if len(text) <= MOST_DIGITS else text
    # 010 is eight to some and ten to others; it is rather a name.
    if NUMBER.fullmatch(text) and not LEADING_ZERO.match(text):
        return float(text) if math.isfinite(float(text)) else text
    return text


def _checked_json(path: Path, text: str) -> str:
    """JSON as YAML wants it: tabs are only between its values, and characters that YAML folds or refuses in strings."""
    try:
        json.loads(text)
    except json.JSONDecodeError as e:
        what = "the file is empty" if not text.strip() else f"this is not JSON: {e.msg.lower()}"
        raise TreefileError(f"{path}:{e.lineno}: {what}") from e
    except RecursionError as e:
        raise TreefileError(f"{path}: what is in it is nested too deeply") from e
    return RARE.sub(lambda found: f"\\U{ord(found[0]):08x}", text.replace("\t", " "))


class _Walk:
    """From YAML's nodes to Values."""

    def __init__(self, file: str) -> None:
        self._file, self._seen = file, 0

    def value(self, node: Any, line: int, level: int) -> Value:
        mark = Mark(self._file, line)
        self._seen += 1
        if self._seen > MOST_VALUES:
            raise TreefileError(f"{self._file}:{line}: the file holds more than {MOST_VALUES} values")
        if level > MOST_LEVELS:
            raise TreefileError(f"{self._file}:{line}: what is in it is nested more than {MOST_LEVELS} deep")
        if node.tag not in STANDARD_TAGS:
            raise TreefileError(f"{self._file}:{line}: the tag {node.tag} means nothing in a treefile")
        if node.id == "scalar":
            return Value(resolved(node.value) if node.style is None else self._joined(node.value, mark), mark)
        if node.id == "sequence":
            return Value([self.value(item, _line(item), level + 1) for item in node.value], mark)
        return Value(self._members(node, level), mark)

    def _members(self, node: Any, level: int) -> dict[str, Value]:
        own: dict[str, Value] = {}
        merged: dict[str, Value] = {}
        for name_node, member in node.value:
            line = _line(name_node)
            if name_node.id != "scalar":
                raise TreefileError(f"{self._file}:{line}: the name of a key must be a string")
            value = self.value(member, line, level + 1)
            name = self._joined(name_node.value, value.mark)
            if name == MERGE and name_node.style is None:
                merged = self._below(value)
            elif name in own:
                raise value.mark.error(name, f"this key is here already, in line {own[name].mark.line}")
            else:
                own[name] = value
        return {**merged, **own}

    def _below(self, value: Value) -> dict[str, Value]:
        """What a merge key brings: one mapping, or several of which the first has the say."""
        several = value.content if isinstance(value.content, list) else [value]
        merged: dict[str, Value] = {}
        for one in reversed(several):
            if not isinstance(one.content, dict):
                raise value.mark.error(MERGE, f"must be a mapping or several, not {one.described()}")
            merged.update(one.content)
        return merged

    def _joined(self, text: str, mark: Mark) -> str:
        """JSON writes rare characters as two escapes, which YAML takes for two characters."""
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError as e:
            raise TreefileError(f"{mark.file}:{mark.line}: {text!r} is not text") from e


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1
