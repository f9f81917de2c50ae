# SPDX-License-Identifier: GPL-2.0-or-later
"""What a treefile and its includes say together, as one treefile; and the keys of all treefiles, as JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ostree_layer.treefile import source
from ostree_layer.treefile.keys import ARCH_PACKAGES, ARCHES, BY_NAME, LEGACY, MORE_PACKAGES, PACKAGES, TABLE, Key

WIDTH = 120
# YAML takes these for the ends of lines.
FOLDED = "\x85\u2028\u2029"


def as_yaml(values: Mapping[str, Any]) -> str:
    """As YAML that reads the same, whichever version of YAML one believes in."""
    return yaml_of(_written(values))


def yaml_of(written: Mapping[str, Any]) -> str:
    """The same, of what is in the words of a treefile already."""
    import yaml  # noqa: PLC0415 - many a host has it not, where only trees are looked at

    dumper = type("Dumper", (yaml.SafeDumper,), {"ignore_aliases": lambda self, data: True})
    dumper.add_representer(str, _text)  # type: ignore[attr-defined]
    text: str = yaml.dump(dict(written), Dumper=dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    return text


def as_json(values: Mapping[str, Any]) -> str:
    return json.dumps(_written(values), indent=2, ensure_ascii=False) + "\n"


def schema() -> str:
    """The JSON Schema (draft 7) of treefiles, for editors."""
    properties = {key.name: _property(key) for key in TABLE}
    for legacy, name in LEGACY.items():
        properties[legacy] = {**_property(BY_NAME[name]), "description": f"Now written {name}."}
    kind = {"anyOf": [PACKAGES.schema(), {"type": "null"}]}
    properties[MORE_PACKAGES] = {"description": "Now written packages.", **kind}
    for arch in ARCHES:
        properties[ARCH_PACKAGES + arch] = {"description": f"Packages for {arch} only.", **kind}
    whole = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Treefile",
        "description": "What a tree is composed from.",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    return json.dumps(whole, indent=2) + "\n"


def _property(key: Key) -> dict[str, Any]:
    wanted = key.kind.schema()
    if key.refused:
        wanted = {"const": key.harmless}
    return {"description": key.description, "anyOf": [wanted, {"type": "null"}]}


def _written(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: BY_NAME[name].kind.write(value) for name, value in values.items()}


def _text(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    if any(rare in text for rare in FOLDED):
        return '"'
    if "\n" in text:
        return "|"
    return '"' if "'" in text or not isinstance(source.resolved(text), str) else None
