# SPDX-License-Identifier: GPL-2.0-or-later
"""Throw-away GPG keys, to sign packages and commits with."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def made(home: Path, name: str) -> Iterator[Path]:
    """A GnuPG home with one key, whose public half is in `public`."""
    home.mkdir(mode=0o700)
    gpg(home, "--quick-generate-key", "--passphrase=", f"{name} <{name.lower()}@example.com>", "rsa2048", "sign")
    (home / "public").write_bytes(gpg(home, "--armor", "--export"))
    try:
        yield home
    finally:
        _end_agent(home)


def gpg(home: Path, *arguments: str) -> bytes:
    return subprocess.run(["gpg", f"--homedir={home}", "--batch", *arguments], check=True, capture_output=True).stdout


def fingerprint(home: Path) -> str:
    lines = gpg(home, "--with-colons", "--fingerprint").decode().splitlines()
    return next(line.split(":")[9] for line in lines if line.startswith("fpr:"))


def wait_for_expiry(home: Path) -> None:
    while b"pub:e:" not in gpg(home, "--with-colons", "--list-keys"):
        time.sleep(0.1)


def stranger(folder: Path) -> bytes:
    """The public half of another key."""
    with made(folder / "stranger", "Stranger") as home:
        return (home / "public").read_bytes()


def _end_agent(home: Path) -> None:
    """Also until it has removed its sockets, or the folder cannot be removed."""
    subprocess.run(["gpgconf", f"--homedir={home}", "--kill", "all"], check=True)
    while list(home.glob("S.*")):
        time.sleep(0.02)
