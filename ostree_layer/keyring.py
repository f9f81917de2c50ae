# SPDX-License-Identifier: GPL-2.0-or-later
"""Public GPG keys, as gpg reads them from a file, with ASCII armor or without."""

from __future__ import annotations

import dataclasses
import re
import tempfile
import time
from pathlib import Path

from ostree_layer import process
from ostree_layer.errors import CommandError, RepoError

# In what gpg --with-colons prints of a key.
KIND, EXPIRES, VALUE = 0, 6, 9
ESCAPED = re.compile(r"\\x([0-9a-f]{2})")


@dataclasses.dataclass(frozen=True)
class Key:
    """A primary key; `expires` is in seconds since the epoch, 0 for never; `subkeys` are fingerprints."""

    fingerprint: str
    user: str
    expires: int = 0
    subkeys: tuple[str, ...] = ()

    @property
    def is_expired(self) -> bool:
        return 0 < self.expires <= time.time()


def read(path: Path) -> tuple[Key, ...]:
    """The keys in a file; RepoError where it has none."""
    try:
        rows = process.gpg_rows("--with-subkey-fingerprint", "--show-keys", str(path))
    except CommandError as e:
        raise RepoError(f"{path} has no GPG keys that can be read: {e.stderr}") from e
    keys: list[Key] = []
    for row in rows:
        keys = _with_row(keys, row)
    return tuple(keys)


def parse(content: bytes) -> tuple[Key, ...]:
    """The same, of what is in such a file."""
    with tempfile.NamedTemporaryFile(prefix="dnf-ostree-") as file:
        file.write(content)
        file.flush()
        return read(Path(file.name))


def _with_row(keys: list[Key], row: list[str]) -> list[Key]:
    """What one more line of gpg's says of the last of the keys, or of a new one."""
    if row[KIND] == "pub":
        return [*keys, Key("", "", int(row[EXPIRES] or 0))]
    if not keys or row[KIND] not in ("fpr", "uid"):
        return keys
    last = keys[-1]
    if row[KIND] == "uid":
        user = ESCAPED.sub(lambda found: chr(int(found[1], 16)), row[VALUE])
        last = dataclasses.replace(last, user=last.user or user)
    elif not last.fingerprint:
        last = dataclasses.replace(last, fingerprint=row[VALUE])
    else:
        last = dataclasses.replace(last, subkeys=(*last.subkeys, row[VALUE]))
    return [*keys[:-1], last]
