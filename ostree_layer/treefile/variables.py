# SPDX-License-Identifier: GPL-2.0-or-later
"""`${variables}`, and the conditions that are asked about them."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Mapping
from typing import Any, Union

from ostree_layer.errors import nearest
from ostree_layer.treefile.kinds import Mark, Value

Variable = Union[str, int, float, bool]
RESERVED = ("basearch", "releasever")
REFERENCE = re.compile(r"\$\{([^}]*)\}")
CONDITION = re.compile(r"\s*([\w-]+)\s*(==|!=|<=|>=|<|>)\s*(.*?)\s*")
COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TYPE_WORDS = {str: "a string", bool: "true or false", int: "a number", float: "a number"}
KEY = "conditional-include"


def is_met(condition: Value, variables: Mapping[str, Variable]) -> bool:
    """Whether `variable == value` holds; to compare what cannot be compared is an error."""
    matched = CONDITION.fullmatch(condition.content)
    if matched is None:
        hint = 'as in: if: stream == "stable"; or !=, <, <=, >, >='
        raise condition.mark.error(KEY, f"{condition.content!r} is not a condition", hint)
    name, sign, text = matched.groups()
    present, wanted = _known(name, variables, condition.mark, KEY), _literal(text, condition)
    if TYPE_WORDS[type(present)] != TYPE_WORDS[type(wanted)]:
        what = f"{name} is {_shown(present)}, {TYPE_WORDS[type(present)]}, and cannot be compared with {text}"
        raise condition.mark.error(KEY, what)
    return bool(COMPARISONS[sign](present, wanted))


def substituted(content: Any, variables: Mapping[str, Variable], mark: Mark, key: str) -> Any:
    """A string, or a mapping with strings in it, with the values of the variables in them."""
    if isinstance(content, dict):
        return {
            name: substituted(member, variables, mark, f"{key}.{name}") if isinstance(member, str) else member
            for name, member in content.items()
        }
    return REFERENCE.sub(lambda found: _text(_known(found[1], variables, mark, key)), content)


def _known(name: str, variables: Mapping[str, Variable], mark: Mark, key: str) -> Variable:
    if name not in variables:
        otherwise = "releasever: defines it" if name == "releasever" else "variables: defines it"
        raise mark.error(key, f"there is no variable {name!r}", nearest(name, variables, otherwise=otherwise))
    return variables[name]


def _literal(text: str, condition: Value) -> Variable:
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1]
    try:
        literal = json.loads(text)
    except json.JSONDecodeError:
        literal = None
    if type(literal) not in TYPE_WORDS:
        raise condition.mark.error(KEY, f"{text!r} is neither a number nor true, false or a string in quotes")
    return literal  # type: ignore[no-any-return]


def _shown(value: Variable) -> str:
    return json.dumps(value)


def _text(value: Variable) -> str:
    return value if isinstance(value, str) else json.dumps(value)
