# SPDX-License-Identifier: GPL-2.0-or-later
"""`ostree.conf`, read."""

from __future__ import annotations

from typing import Any

from ostree_layer import updates, window
from ostree_layer.errors import HostError
from ostree_layer.model import KEY_ID, Settings

SECTION = "main"
YES = {"1": True, "yes": True, "true": True, "on": True, "0": False, "no": False, "false": False, "off": False}

CHOICES = {
    "upgrade": ("both", "tree", "packages"),
    "base": ("free", "keep"),
    "interop": ("none", "rpm-ostree"),
    "automatic": updates.POLICIES,
}


def parse(parser: Any) -> Settings:
    """Take the settings from what DNF's own parser read of the plugin's configuration file."""
    return Settings(
        sysroot=_text(parser, "sysroot"),
        stateroot=_text(parser, "stateroot"),
        strict_scriptlets=_boolean(parser, "strict_scriptlets", default=Settings.strict_scriptlets),
        os_release=_boolean(parser, "os_release", default=Settings.os_release),
        scriptlets_network=_boolean(parser, "scriptlets_network", default=Settings.scriptlets_network),
        upgrade=_choice(parser, "upgrade", default=Settings.upgrade),
        base=_choice(parser, "base", default=Settings.base),
        interop=_choice(parser, "interop", default=Settings.interop),
        deployments=_number(parser, "deployments", default=Settings.deployments, least=2),
        history=_number(parser, "history", default=Settings.history, least=1),
        store=_text(parser, "store") or Settings.store,
        automatic=_choice(parser, "automatic", default=Settings.automatic),
        automatic_window=_window(parser, "automatic_window"),
        certified_by=_key_ids(parser, "certified_by"),
        not_live=_words(parser, "not_live") or Settings.not_live,
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


def _choice(parser: Any, key: str, *, default: str) -> str:
    text = _text(parser, key) or default
    if text not in CHOICES[key]:
        raise HostError(f"ostree.conf: {key}={text} is none of {', '.join(CHOICES[key])}")
    return text


def _window(parser: Any, key: str) -> str:
    text = _text(parser, key)
    try:
        window.parse(text)
    except HostError as e:
        raise HostError(f"ostree.conf: {key}={text}: {e}", hint=e.hint) from e
    return text


def _words(parser: Any, key: str) -> tuple[str, ...]:
    return tuple(_text(parser, key).replace(",", " ").split())


def _key_ids(parser: Any, key: str) -> tuple[str, ...]:
    words = _words(parser, key)
    for word in words:
        if not KEY_ID.fullmatch(word):
            hint = "that is 8 or more of the last hex digits of its fingerprint"
            raise HostError(f"ostree.conf: {key}={word} is not the id of a GPG key", hint=hint)
    return words


def _number(parser: Any, key: str, *, default: int, least: int) -> int:
    text = _text(parser, key) or str(default)
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise HostError(f"ostree.conf: {key}={text} is no number from {least} up")
    return int(text)
