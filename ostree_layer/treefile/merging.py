# SPDX-License-Identifier: GPL-2.0-or-later
"""How two treefiles become one: what the including file says, and what the included one does."""

from __future__ import annotations

from typing import Any


def first(own: Any, included: Any) -> Any:
    """The including file has the say."""
    return own


def concatenated(own: list[Any], included: list[Any]) -> list[Any]:
    """Included entries come first, so later includes come before earlier ones."""
    return [*included, *own]


def united(own: list[Any], included: list[Any]) -> list[Any]:
    """As concatenated, each entry once."""
    return list(dict.fromkeys([*included, *own]))


def overlaid(own: dict[str, Any], included: dict[str, Any]) -> dict[str, Any]:
    """Name by name the including file has the say."""
    return {**included, **own}


def members_united(own: dict[str, list[Any]], included: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Name by name both lists, united."""
    return {**included, **{name: united(entries, included.get(name, [])) for name, entries in own.items()}}


def pinned(own: list[dict[str, Any]], included: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Packages by repository; a package that the including file takes from one is not taken from another."""
    taken = {package for pin in own for package in pin["packages"]}
    rest = ({**pin, "packages": [name for name in pin["packages"] if name not in taken]} for pin in included)
    return [*(pin for pin in rest if pin["packages"]), *own]
