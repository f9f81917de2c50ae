# SPDX-License-Identifier: GPL-2.0-or-later
"""Who signed a commit, and whether that is so."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from ostree_layer import process
from ostree_layer.errors import RepoError
from ostree_layer.model import KEY_ID
from ostree_layer.ostree_gi import GLib, OSTree, gfile, translated
from ostree_layer.tree_model import Signature, SignatureCheck

GPG_KEY, ED25519_KEY = "ostree.gpgsigs", "ostree.sign.ed25519"
# Why a GPG signature by a known key may not be valid.
FLAWS = {"SIG_EXPIRED": "it has expired", "KEY_EXPIRED": "its key has expired", "KEY_REVOKED": "its key is revoked"}
ATTRIBUTES = ("VALID", "KEY_MISSING", "FINGERPRINT", "FINGERPRINT_PRIMARY", "USER_NAME", *FLAWS)
# Headers, an empty line, base64, a checksum.
ARMOR = re.compile(rb"-----BEGIN PGP PUBLIC KEY BLOCK-----\n(?:.+\n)*\n([^=-]+={0,2})\n=?[^-]*-----END")


@dataclasses.dataclass(frozen=True)
class Keys:
    """Which keys to trust, and which must have signed.

    `keyring` has GPG keys, as has that of the remote; `certified_by` are ids of GPG keys, `ed25519` base64 public keys.
    """

    keyring: Path | None = None
    remote: str = ""
    certified_by: tuple[str, ...] = ()
    ed25519: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.keyring is not None and not self.keyring.is_file():
            raise RepoError(f"the keyring {self.keyring} is not there")
        for key_id in self.certified_by:
            if not KEY_ID.fullmatch(key_id):
                hint = "that is 8 or more of the last hex digits of its fingerprint"
                raise RepoError(f"{key_id} is not the id of a GPG key", hint=hint)


def check(store: OSTree.Repo, checksum: str, keys: Keys) -> SignatureCheck:
    """The signatures of a commit by what is known of their keys, and what keys were to have signed and have not."""
    found = [*_gpg(store, checksum, keys), *_ed25519(store, checksum, keys.ed25519)]
    good = [signature for signature in found if signature.verdict == "good"]
    absent = [key for key in keys.certified_by if not any(is_of(signature, key) for signature in good)]
    absent += [key for key in keys.ed25519 if not any(signature.key == key for signature in good)]
    # To libostree this keyring is one more, beside those of remotes and the machine's.
    if keys.keyring is not None and not {signature.key for signature in good} & _fingerprints(keys.keyring):
        absent.append(str(keys.keyring))
    return SignatureCheck(tuple(found), tuple(absent))


def good_keys(store: OSTree.Repo, data: bytes, signed: bytes, keyring: Path) -> set[str]:
    """The fingerprints of the keys in keyring, primary ones, of which data has a good signature.

    `signed` is what libostree keeps of signatures, as in `summary.sig`.
    """
    detached = GLib.Bytes.new(joined(GLib.Bytes.new(signed)))
    if not detached.get_size():
        return set()
    with _binary(keyring) as binary, translated("verifying signatures", RepoError):
        result = store.gpg_verify_data(None, GLib.Bytes.new(data), detached, None, gfile(binary), None)
    every = (_gpg_signature(result, index) for index in range(result.count_all()))
    return {one.primary_key for one in every if one.verdict == "good"}


def joined(stored: GLib.Bytes) -> bytes:
    """The GPG signatures in what libostree keeps of signatures, as gpg has them; empty where there are none."""
    values = GLib.Variant.new_from_bytes(GLib.VariantType("a{sv}"), stored, False)
    found = values.lookup_value(GPG_KEY, GLib.VariantType("aay"))
    return b"" if found is None else b"".join(map(bytes, found.unpack()))


def require(store: OSTree.Repo, checksum: str, remote: str) -> None:
    """RepoError unless a key of the remote has signed the commit."""
    if all(signature.verdict != "good" for signature in check(store, checksum, Keys(remote=remote)).signatures):
        raise RepoError(f"commit {checksum} has no good signature by a key of the remote {remote}")


def are_demanded(store: OSTree.Repo, remote: str) -> bool:
    """Whether commits of the remote, which is a known one, have to be signed."""
    with translated(f"reading the settings of the remote {remote}", RepoError):
        by_gpg = store.remote_get_gpg_verify(remote)[1]
        otherwise = store.get_remote_option(remote, "sign-verify", None)[1]
    return bool(by_gpg) or otherwise not in (None, "", "0", "false")


def is_of(signature: Signature, key_id: str) -> bool:
    wanted = key_id.upper().replace("0X", "", 1)
    return signature.kind == "gpg" and (signature.key.endswith(wanted) or signature.primary_key.endswith(wanted))


def _fingerprints(path: Path) -> set[str]:
    """Those of the keys and subkeys in a keyring."""
    rows = process.gpg_rows("--with-subkey-fingerprint", "--show-keys", str(path))
    return {row[9] for row in rows if row[0] == "fpr"}


def _stored(store: OSTree.Repo, checksum: str, key: str) -> int:
    """How many signatures of a kind there are."""
    with translated(f"reading the signatures of commit {checksum}", RepoError):
        detached = store.read_commit_detached_metadata(checksum, None)[1]
    found = None if detached is None else detached.lookup_value(key, GLib.VariantType("aay"))
    return 0 if found is None else int(found.n_children())


def _gpg(store: OSTree.Repo, checksum: str, keys: Keys) -> Iterator[Signature]:
    if not _stored(store, checksum, GPG_KEY):
        return
    with translated(f"verifying the signatures of commit {checksum}", RepoError):
        if keys.keyring is not None:
            with _binary(keys.keyring) as keyring:
                result = store.verify_commit_ext(checksum, None, gfile(keyring), None)
        elif keys.remote:
            result = store.verify_commit_for_remote(checksum, keys.remote, None)
        else:
            result = store.verify_commit_ext(checksum, None, None, None)
    yield from (_gpg_signature(result, index) for index in range(result.count_all()))


@contextlib.contextmanager
def _binary(keyring: Path) -> Iterator[Path]:
    """The keyring as libostree reads it, that is, without ASCII armor."""
    content = keyring.read_bytes()
    blocks = ARMOR.findall(content.replace(b"\r", b""))
    with tempfile.NamedTemporaryFile(prefix="dnf-ostree-") as file:
        try:
            file.write(b"".join(map(base64.b64decode, blocks)) if blocks else content)
        except ValueError as e:
            raise RepoError(f"the ASCII armor of the keyring {keyring} cannot be read: {e}") from e
        file.flush()
        yield Path(file.name)


def of_data(store: OSTree.Repo, data: bytes, signature: bytes, keys: Keys) -> list[Signature]:
    """Those in a detached GPG signature of data; none where it cannot be read."""
    content, signed = GLib.Bytes.new(data), GLib.Bytes.new(signature)
    with contextlib.ExitStack() as stack:
        extra = None if keys.keyring is None else gfile(stack.enter_context(_binary(keys.keyring)))
        # With a keyring, as `verify_commit_ext` has it for commits.
        remote = keys.remote if keys.keyring is None else ""
        try:
            result = store.gpg_verify_data(remote or None, content, signed, None, extra, None)
        except GLib.Error:  # it is no signature at all
            return []
    return [_gpg_signature(result, index) for index in range(result.count_all())]


def _gpg_signature(result: OSTree.GpgVerifyResult, index: int) -> Signature:
    wanted = [getattr(OSTree.GpgSignatureAttr, name) for name in ATTRIBUTES]
    valid, missing, key, primary, user, *flaws = result.get(index, wanted).unpack()
    if valid or missing:
        return Signature("gpg", key, primary, "" if missing else user, "good" if valid else "unchecked")
    reason = next((reason for reason, holds in zip(FLAWS.values(), flaws) if holds), "it does not fit")
    return Signature("gpg", key, primary, user, "bad", reason)


def _ed25519(store: OSTree.Repo, checksum: str, keys: Iterable[str]) -> Iterator[Signature]:
    """One signature for each key that made one, or, where no key is known, for each that there is."""
    count = _stored(store, checksum, ED25519_KEY)
    good = [key for key in keys if count and _ed25519_fits(store, checksum, key)]
    yield from (Signature("ed25519", key, verdict="good") for key in good)
    yield from (Signature("ed25519", "") for _number in range(count - len(good)))


def _ed25519_fits(store: OSTree.Repo, checksum: str, key: str) -> bool:
    with translated("verifying ed25519 signatures", RepoError):
        verifier = OSTree.Sign.get_by_name("ed25519")
        verifier.set_pk(GLib.Variant("s", key))
    try:
        return bool(verifier.commit_verify(store, checksum, None)[0])
    except GLib.Error:  # it tells a signature by another key from a wrong one in words only
        return False
