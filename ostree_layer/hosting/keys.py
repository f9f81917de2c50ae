# SPDX-License-Identifier: GPL-2.0-or-later
"""GPG keys that stores sign with."""

from __future__ import annotations

import argparse
import time

from ostree_layer import files, process, signatures
from ostree_layer.errors import CommandError, RepoError
from ostree_layer.hosting.store import PUBLIC_KEY, Signing, Store
from ostree_layer.ostree_gi import translated

# In what gpg --with-colons prints of a key.
KIND, EXPIRES, CAPABILITIES, FINGERPRINT = 0, 6, 11, 9


def adopt(store: Store, signing: Signing) -> None:
    """Let the store sign by these keys from now on, and offer their public halves to its clients."""
    files.replace(store.path / PUBLIC_KEY, _public(signing).encode())
    store.set(sign=" ".join(signing.keys), gpg_home=signing.home)


def fingerprint(key: str, home: str) -> str:
    """That of the key which `key` names, and which can sign; RepoError where there is no such one."""
    where = home or "gpg's own home"
    try:
        listed = process.run([*_gpg(home), "--with-colons", "--list-secret-keys", key])
    except CommandError as e:
        hint = "--gpg-homedir=DIR names another GnuPG home"
        raise RepoError(f"there is no secret key {key} in {where}: {e.stderr}", hint=hint) from e
    rows = [line.split(":") for line in listed.splitlines()]
    first = next(row for row in rows if row[KIND] == "sec")
    if first[EXPIRES] and int(first[EXPIRES]) <= time.time():
        raise RepoError(f"the key {key} in {where} has expired", hint="gpg --quick-set-expire prolongs it")
    if "S" not in first[CAPABILITIES]:
        raise RepoError(f"the key {key} in {where} cannot sign")
    return next(row[FINGERPRINT] for row in rows if row[KIND] == "fpr")


def signing_of(opts: argparse.Namespace) -> Signing:
    """The keys that the options name, which may be none."""
    home = opts.gpg_homedir or ""
    return Signing(tuple(fingerprint(key, home) for key in opts.sign), home)


def require_usable(signing: Signing) -> None:
    """RepoError where a key is gone or has expired."""
    for key in signing.keys:
        fingerprint(key, signing.home)


def sign(store: Store, checksum: str, signing: Signing) -> bool:
    """Let each key have signed a commit; return whether one had not. The store is locked."""
    if not signing:
        return False
    signers = _signers(store, checksum, signing)
    missing = [key for key in signing.keys if key not in signers]
    for key in missing:
        with translated(f"signing commit {checksum[:12]} with the key {key}", RepoError):
            store.repo.sign_commit(checksum, key, signing.home or None, None)
    return bool(missing)


def _signers(store: Store, checksum: str, signing: Signing) -> set[str]:
    """By which of these keys the commit has a good signature."""
    with store.workspace("keys-") as folder:
        (folder / PUBLIC_KEY).write_text(_public(signing))
        found = signatures.check(store.repo, checksum, signatures.Keys(keyring=folder / PUBLIC_KEY)).signatures
    return {one.primary_key for one in found if one.verdict == "good"}


def _public(signing: Signing) -> str:
    return process.run([*_gpg(signing.home), "--armor", "--export", *signing.keys])


def _gpg(home: str) -> list[str]:
    return ["gpg", "--batch", *([f"--homedir={home}"] if home else [])]
