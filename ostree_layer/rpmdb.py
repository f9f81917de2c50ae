# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions to the rpm database of a root; for what librpm changes, see `dnf_base` and `caged_rpm`."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import rpm

from ostree_layer.model import Package
from ostree_layer.rpm_model import Change, PackagedFile

# As OpenPGP numbers them; 0 is what packages of rpm 4.5 and older have.
DIGESTS = {0: "md5", 1: "md5", 2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512", 11: "sha224", 12: "sha3_256"}
# Of a package that has been installed by something else than rpm.
NO_STATE = -1


def installed_packages(root: Path, dbpath: str) -> tuple[Package, ...]:
    """The packages in the rpm database at dbpath of root, keys left out."""
    return tuple(sorted(_package(header) for header in headers(root, dbpath)))


def headers(root: Path, dbpath: str) -> Iterator[Any]:
    """The headers of the packages in the rpm database at dbpath of root, keys left out."""
    with _database_at(dbpath):
        yield from (header for header in _headers(root) if header["name"] != "gpg-pubkey")


@contextlib.contextmanager
def _database_at(dbpath: str) -> Iterator[None]:
    rpm.addMacro("_dbpath", f"/{dbpath}")
    try:
        yield
    finally:
        rpm.delMacro("_dbpath")


def packaged_files(root: Path, dbpath: str) -> Iterator[PackagedFile]:
    """What the packages in the rpm database at dbpath of root say of the files that they put there.

    Ghosts are left out, and so is what was not installed, as documentation that nobody wanted, or has been replaced
    by another package.
    """
    for header in headers(root, dbpath):
        nevra, algorithm = _package(header).nevra, DIGESTS.get(header["filedigestalgo"] or 0, "")
        for file in rpm.files(header):
            if not file.fflags & rpm.RPMFILE_GHOST and file.state in (rpm.RPMFILE_STATE_NORMAL, NO_STATE):
                yield _packaged_file(file, nevra, algorithm)


def _packaged_file(file: Any, nevra: str, algorithm: str) -> PackagedFile:
    is_checked = algorithm and file.vflags & rpm.RPMVERIFY_FILEDIGEST
    return PackagedFile(
        package=nevra,
        path=file.name,
        mode=file.mode & 0xFFFF,
        target=file.linkto,
        size=file.size,
        digest=file.digest if is_checked and set(file.digest) != {"0"} else "",
        algorithm=algorithm,
        is_config=bool(file.fflags & rpm.RPMFILE_CONFIG),
        may_be_missing=bool(file.fflags & rpm.RPMFILE_MISSINGOK),
    )


def changelogs(root: Path, dbpath: str) -> dict[Package, tuple[Change, ...]]:
    """The changelogs of the packages in the rpm database at dbpath of root, newest entry first."""
    found = {}
    for header in headers(root, dbpath):
        columns = (header["changelogtime"], header["changelogname"], header["changelogtext"])
        found[_package(header)] = tuple(Change(*entry) for entry in zip(*columns))
    return found


def paths(root: Path, name: str) -> Iterator[str]:
    """The paths that the installed packages called name have, ghosts left out; each begins with a slash."""
    for header in _headers(root, "name", name):
        for path, flags in zip(header["filenames"], header["fileflags"]):
            if not flags & rpm.RPMFILE_GHOST:
                yield path


def paths_by_name(root: Path, dbpath: str, names: Collection[str]) -> dict[str, set[str]]:
    """The paths, ghosts included, that the packages called names have in the rpm database at dbpath of root."""
    found: dict[str, set[str]] = {name: set() for name in names}
    for header in headers(root, dbpath):
        if header["name"] in found:
            found[header["name"]].update(header["filenames"])
    return found


def files_of(root: Path, dbpath: str, names: Collection[str]) -> set[str]:
    """The paths, ghosts included and directories left out, that the packages called names have in an rpm database."""
    wanted = (header for header in headers(root, dbpath) if header["name"] in names)
    pairs = (pair for header in wanted for pair in zip(header["filenames"], header["filemodes"]))
    return {path for path, mode in pairs if not stat.S_ISDIR(mode)}


def broken(root: Path, dbpath: str, new: Iterable[Any], names: Collection[str]) -> set[str]:
    """The names of the packages that would lack something, or stand in each other's way.

    That is if of those in the rpm database all that are called names were gone, and of `new`, headers, all were there.
    """
    with _database_at(dbpath):
        transaction, come = _reader(root), set()
        for header in new:
            transaction.addInstall(header, header["name"], "u")
            come.add(header["name"])
        for name in set(names) - come:
            transaction.addErase(name)
        transaction.check()
        return {problem.pkgNEVR.rsplit("-", 2)[0] for problem in transaction.problems()}


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


def header_digest(file: Path) -> str:
    """The sha256 of all that is before the payload in an RPM file: by it rpm-ostree names a local one."""
    with file.open("rb") as opened:
        _reader(Path("/")).hdrFromFdno(opened.fileno())
        return hashlib.sha256(os.pread(opened.fileno(), os.lseek(opened.fileno(), 0, os.SEEK_CUR), 0)).hexdigest()


def _headers(root: Path, *match: str) -> Iterator[Any]:
    return iter(_reader(root).dbMatch(*match))


def _reader(root: Path) -> Any:
    transaction = rpm.TransactionSet(os.fspath(root))
    # They were verified when they came; here they are only read.
    transaction.setVSFlags(rpm._RPMVSF_NOSIGNATURES | rpm._RPMVSF_NODIGESTS)
    return transaction


def _package(header: Any) -> Package:
    return Package(header["name"], str(header["epoch"] or 0), header["version"], header["release"], header["arch"])
