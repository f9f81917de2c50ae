# SPDX-License-Identifier: GPL-2.0-or-later
"""`ostree.conf`, read."""

from __future__ import annotations

from typing import Any

from ostree_layer.errors import HostError
from ostree_layer.model import Settings

SECTION = "main"
YES = {"1": True, "yes": True, "true": True, "on": True, "0": False, "no": False, "false": False, "off": False}


def parse(parser: Any) -> Settings:
    """Take the settings from what DNF's own parser read of the plugin's configuration file."""
    return Settings(
        sysroot=_text(parser, "sysroot"),
        stateroot=_text(parser, "stateroot"),
        strict_scriptlets=_boolean(parser, "strict_scriptlets", default=Settings.strict_scriptlets),
        os_release=_boolean(parser, "os_release", default=Settings.os_release),
        scriptlets_network=_boolean(parser, "scriptlets_network", default=Settings.scriptlets_network),
    )


def _text(parser: Any, key: str) -> str:
    return str(parser.get(SECTION, key)) if parser.has_section(SECTION) and parser.has_option(SECTION, key) else ""


def _boolean(parser: Any, key: str, *, default: bool) -> bool:
    text = _text(parser, key)
    if not text:
        return default
    if text.lower() not in YES:
        raise HostError(f"ostree.conf: {key}={text} is neither yes nor no")
    return YES[text.lower()]
