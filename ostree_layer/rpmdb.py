# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions to the rpm database of a root; for what librpm changes, see `dnf_base` and `caged_rpm`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import rpm

from ostree_layer.model import Package


def installed_packages(root: Path, dbpath: str) -> tuple[Package, ...]:
    """The packages in the rpm database at dbpath of root, keys left out."""
    rpm.addMacro("_dbpath", f"/{dbpath}")
    try:
        found = [_package(header) for header in rpm.TransactionSet(os.fspath(root)).dbMatch()]
    finally:
        rpm.delMacro("_dbpath")
    return tuple(sorted(package for package in found if package.name != "gpg-pubkey"))


def paths(root: Path, name: str) -> Iterator[str]:
    """The paths that the installed packages called name have, ghosts left out; each begins with a slash."""
    for header in _headers(root, "name", name):
        for path, flags in zip(header["filenames"], header["fileflags"]):
            if not flags & rpm.RPMFILE_GHOST:
                yield path


def accounts_used(root: Path, names: Iterable[str]) -> dict[str, set[str]]:
    """The users and groups that files of the installed packages called names belong to, by package."""
    headers = (header for name in names for header in _headers(root, "name", name))
    return {header["name"]: {*header["fileusername"], *header["filegroupname"]} for header in headers}


def is_as_packaged(root: Path, path: str) -> bool:
    """Whether the file at path, which begins with a slash, is still what an installed package brought."""
    digests = [rpm.files(header)[path].digest for header in _headers(root, "basenames", path)]
    return bool(digests) and hashlib.sha256((root / path[1:]).read_bytes()).hexdigest() in digests


def owners(root: Path, paths: Iterable[str]) -> list[Package]:
    """The installed packages that one of paths belongs to; each path begins with a slash."""
    return sorted({_package(header) for path in paths for header in _headers(root, "basenames", path)})


def header_of(file: Path) -> Any:
    """The header of an RPM file."""
    with file.open("rb") as opened:
        return _reader(Path("/")).hdrFromFdno(opened.fileno())


def _headers(root: Path, *match: str) -> Iterator[Any]:
    return iter(_reader(root).dbMatch(*match))


def _reader(root: Path) -> Any:
    transaction = rpm.TransactionSet(os.fspath(root))
    # They were verified when they came; here they are only read.
    transaction.setVSFlags(rpm._RPMVSF_NOSIGNATURES | rpm._RPMVSF_NODIGESTS)
    return transaction


def _package(header: Any) -> Package:
    return Package(header["name"], str(header["epoch"] or 0), header["version"], header["release"], header["arch"])
