# SPDX-License-Identifier: GPL-2.0-or-later
"""Parts of a commit that are needed as files, checked out by themselves."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ostree_layer import database, metadata, repo, rpmdb
from ostree_layer.errors import RepoError
from ostree_layer.model import Package
from ostree_layer.ostree_gi import AT_FDCWD, Gio, OSTree, content, translated

PULL_ALL = "'ostree pull' without --commit-metadata-only gets the rest"


def directory(store: OSTree.Repo, checksum: str, path: str, target: Path) -> bool:
    """Write one directory of a commit to target; False where the commit has no such directory."""
    options = OSTree.RepoCheckoutAtOptions()
    options.mode = OSTree.RepoCheckoutMode.USER
    options.subpath = f"/{path}"
    with translated(f"reading /{path} of commit {checksum}", RepoError):
        found = store.read_commit(checksum, None)[1].resolve_relative_path(path)
        if found.query_file_type(Gio.FileQueryInfoFlags.NOFOLLOW_SYMLINKS, None) != Gio.FileType.DIRECTORY:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        store.checkout_at(options, AT_FDCWD, str(target), checksum, None)
    return True


def tree(store: OSTree.Repo, checksum: str, target: Path, path: str = "/") -> None:
    """Make target, which is not there yet, a directory of a commit's tree, as links where the repository has files."""
    options = OSTree.RepoCheckoutAtOptions()
    options.mode = OSTree.RepoCheckoutMode.NONE
    options.subpath = path
    with translated(f"checking out {checksum[:12]}", RepoError):
        store.checkout_at(options, AT_FDCWD, str(target), checksum, None)


def file(store: OSTree.Repo, checksum: str, path: str, target: Path) -> bool:
    """Write the content of one file of a commit to target; False where the commit has no such file."""
    with translated(f"reading /{path} of commit {checksum}", RepoError):
        found = store.read_commit(checksum, None)[1].resolve_relative_path(path)
        if found.query_file_type(Gio.FileQueryInfoFlags.NOFOLLOW_SYMLINKS, None) != Gio.FileType.REGULAR:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content(found))
    return True


@contextlib.contextmanager
def rpm_database(store: OSTree.Repo, checksum: str) -> Iterator[tuple[Path, str | None]]:
    """For the body, a root with nothing but the commit's rpm database, and where in it that is; None without one."""
    with tempfile.TemporaryDirectory(prefix="dnf-ostree-") as folder:
        for path in database.RPMDB_DIRECTORIES:
            directory(store, checksum, path, Path(folder, path))
        yield Path(folder), database.find_rpmdb(Path(folder))


def packages(store: OSTree.Repo, checksum: str, root: Path | None = None) -> tuple[Package, ...] | None:
    """The packages of a commit: from its metadata, or else from its rpm database; None where neither is here.

    `root` is where the commit is deployed, if it is: the database need not be checked out then.
    """
    stored = metadata.parse_packages(repo.metadata(repo.load_commit(store, checksum)))
    if stored is not None:
        return stored
    if root is not None:
        return _installed(root, database.find_rpmdb(root))
    if repo.is_partial(store, checksum):
        return None
    with rpm_database(store, checksum) as found:
        return _installed(*found)


def _installed(root: Path, dbpath: str | None) -> tuple[Package, ...] | None:
    return rpmdb.installed_packages(root, dbpath) if dbpath else None


def require_packages(store: OSTree.Repo, checksum: str) -> tuple[Package, ...]:
    """The packages of a commit; RepoError where they cannot be known."""
    found = packages(store, checksum)
    if found is None:
        message = f"the packages of commit {checksum} are not known: neither its metadata nor its rpm database is here"
        raise RepoError(message, hint=PULL_ALL)
    return found
