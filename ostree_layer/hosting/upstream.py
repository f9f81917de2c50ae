# SPDX-License-Identifier: GPL-2.0-or-later
"""The store that another one is a mirror of: what it says that it has, and by which key that is checked."""

from __future__ import annotations

import dataclasses
import urllib.parse
from pathlib import Path

from ostree_layer import repo
from ostree_layer.errors import RepoError
from ostree_layer.ostree_gi import GLib, OSTree, gfile, translated

# The remote's name in the mirror.
NAME = "mirror"


@dataclasses.dataclass(frozen=True)
class Said:
    """What a summary says, and it as it came: refs with their commits; no signatures where it is not signed."""

    refs: dict[str, str]
    summary: bytes
    signatures: bytes


def url(store: OSTree.Repo) -> str:
    """Of what a store is a mirror; empty where of nothing."""
    return str(store.remote_get_url(NAME)[1]) if NAME in (store.remote_list() or []) else ""


def require_url(named: str) -> None:
    """RepoError for what is no address, or not one for everybody's eyes."""
    parts = urllib.parse.urlsplit(named)
    if parts.scheme not in ("http", "https", "file"):
        raise RepoError(f"{named} is no address of a store", hint="it begins with http://, https:// or file://")
    if parts.username or parts.password:
        hint = "a machine that needs none, or a proxy, can stand between"
        raise RepoError(f"the password for {parts.hostname} would be in the configuration that clients read", hint=hint)


def follow(store: OSTree.Repo, named: str, *, is_signed: bool) -> None:
    """Let the store be a mirror of the one at this address; RepoError where it is one of another.

    `is_signed`: nothing is to come until there are keys.
    """
    former = url(store)
    if former and former.rstrip("/") != named.rstrip("/"):
        hint = f"'ostree remote delete --repo={repo.path_of(store)} {NAME}' forgets that"
        raise RepoError(f"{repo.path_of(store)} is a mirror of {former}", hint=hint)
    if not former:
        verify = {"gpg-verify": GLib.Variant("b", is_signed), "gpg-verify-summary": GLib.Variant("b", False)}
        values = GLib.Variant("a{sv}", verify)
        with translated(f"writing the configuration of {repo.path_of(store)}", RepoError):
            store.remote_add(NAME, named, values, None)


def trust(store: OSTree.Repo, keyring: Path) -> None:
    """From now on the keys in this file must have signed what comes."""
    if not keyring.is_file():
        raise RepoError(f"the keyring {keyring} is not there")
    hint = "it is one that 'gpg --export' has written, with --armor or without"
    with translated(f"importing the keys in {keyring}", RepoError, hint=hint):
        store.remote_gpg_import(NAME, gfile(keyring).read(None), None, None)
    config = store.copy_config()
    config.set_boolean(f'remote "{NAME}"', "gpg-verify", True)
    with translated(f"writing the configuration of {repo.path_of(store)}", RepoError):
        store.write_config(config)
        store.reload_config(None)


def has_keys(store: OSTree.Repo) -> bool:
    """Whether signatures of what comes are verified."""
    return bool(store.remote_get_gpg_verify(NAME)[1])


def ask(store: OSTree.Repo) -> Said:
    """What upstream says now. Nothing is verified yet. GLib.Error where it cannot be asked."""
    _ok, summary, signatures = store.remote_fetch_summary(NAME, None)
    if summary is None:
        hint = "'ostree summary -u' writes one there; mirrors of names and patterns need it, too"
        raise RepoError(f"{url(store)} has no summary that says what it has", hint=hint)
    listed = GLib.Variant.new_from_bytes(repo.SUMMARY_TYPE, summary, False)
    if not listed.is_normal_form():
        raise RepoError(f"the summary of {url(store)} is none")
    entries = listed.get_child_value(0)
    refs = dict(_entry(entries.get_child_value(index)) for index in range(entries.n_children()))
    return Said(refs, summary.get_data(), signatures.get_data() if signatures is not None else b"")


def _entry(entry: GLib.Variant) -> tuple[str, str]:
    checksum = entry.get_child_value(1).get_child_value(1).get_data_as_bytes().get_data()
    return entry.get_child_value(0).get_string(), checksum.hex()
