# SPDX-License-Identifier: GPL-2.0-or-later
"""What has to hold in a treefile besides the kinds of its values, and what one value says about others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ostree_layer.treefile.kinds import Mark

ADDED = ("usr/", "etc/", "bin/", "sbin/", "lib/", "lib64/")
CHECKS = {"file": "filename", "data": "entries"}


def implied(values: Mapping[str, Any]) -> dict[str, Any]:
    """What edition and container say about keys that nobody wrote."""
    more: dict[str, Any] = {}
    if str(values.get("edition")) == "2024":
        more = {"boot-location": "modules", "tmp-is-dir": True}
    if values.get("container"):
        more.update({"tmp-is-dir": True, "selinux": False})
    return {name: value for name, value in more.items() if name not in values}


def require(values: Mapping[str, Any], marks: Mapping[str, Mark]) -> None:
    """TreefileError where values do not fit together."""
    for rule in (_packages, _places, _suffix, _checks, _repovars):
        rule(values, marks)


def _packages(values: Mapping[str, Any], marks: Mapping[str, Mark]) -> None:
    both = sorted(set(values.get("packages", [])) & set(values.get("exclude-packages", [])))
    if both:
        raise marks["exclude-packages"].error("exclude-packages", f"{', '.join(both)}: in packages, too")


def _places(values: Mapping[str, Any], marks: Mapping[str, Mark]) -> None:
    for _, place in values.get("add-files", []):
        path = place.lstrip("/")
        if not path.startswith(ADDED) or path.startswith("usr/local/") or ".." in path.split("/"):
            hint = "files can be added to /usr, without /usr/local, and to /etc"
            raise marks["add-files"].error("add-files", f"{place} is not a place for files of a tree", hint)


def _suffix(values: Mapping[str, Any], marks: Mapping[str, Mark]) -> None:
    suffix = values.get("automatic-version-suffix", ".")
    if len(suffix) != 1 or not suffix.isascii():
        key = "automatic-version-suffix"
        raise marks[key].error(key, f"must be one ASCII character, not the string {suffix!r}")


def _checks(values: Mapping[str, Any], marks: Mapping[str, Mark]) -> None:
    for key in ("check-passwd", "check-groups"):
        check = values.get(key, {"type": "none"})
        needed = CHECKS.get(check["type"])
        if needed is not None and needed not in check:
            raise marks[key].error(key, f"type {check['type']} needs {needed}")


def _repovars(values: Mapping[str, Any], marks: Mapping[str, Mark]) -> None:
    for name in ("basearch", "releasever"):
        if name in values.get("repovars", {}):
            raise marks["repovars"].error(f"repovars.{name}", "this variable cannot be set here", f"{name}: sets it")
