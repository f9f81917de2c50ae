# SPDX-License-Identifier: GPL-2.0-or-later
"""Stores: folders of trees that any web server can serve, and what their owners have decided about them."""

from __future__ import annotations

import configparser
import contextlib
import dataclasses
import fcntl
import io
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ostree_layer import files, modes, repo
from ostree_layer.errors import RepoError
from ostree_layer.ostree_gi import OSTree
from ostree_layer.report import Report

# What serves a store has no business with it.
WORK = "extensions/ostree-layer"
# Beside libostree's own `config`, which clients read.
DECISIONS, GROUP = "store.conf", "store"
# The refs that a mirror has brought, and which ones it is to bring, where that is not all.
MIRRORED, MIRRORED_ALONE = "mirror_brought", "mirror_refs"
PUBLIC_KEY = "key.asc"


@dataclasses.dataclass(frozen=True)
class Signing:
    """By which GPG keys what is published is signed, and in which GnuPG home they are; empty for gpg's own."""

    keys: tuple[str, ...] = ()
    home: str = ""

    def __bool__(self) -> bool:
        return bool(self.keys)


@dataclasses.dataclass(frozen=True)
class Store:
    """A store that is open."""

    path: Path
    repo: OSTree.Repo

    def get(self, key: str) -> str:
        """What the owner has decided; empty where nothing."""
        return self._decisions().get(GROUP, key, fallback="")

    def set(self, **values: str) -> None:
        """Decide; an empty value takes back what was decided."""
        decisions = self._decisions()
        if not decisions.has_section(GROUP):
            decisions.add_section(GROUP)
        for key, value in values.items():
            if value:
                decisions.set(GROUP, key, value)
            else:
                decisions.remove_option(GROUP, key)
        text = io.StringIO()
        decisions.write(text)
        self.work.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.replace(self.work / DECISIONS, text.getvalue().encode())

    def _decisions(self) -> configparser.ConfigParser:
        found = configparser.ConfigParser(interpolation=None)
        try:
            found.read(self.work / DECISIONS)
        except configparser.Error as e:
            raise RepoError(f"{self.work / DECISIONS} cannot be read: {e.message}") from e
        return found

    @property
    def signing(self) -> Signing:
        return Signing(tuple(self.get("sign").split()), self.get("gpg_home"))

    @property
    def is_copy(self) -> bool:
        """Whether it is a mirror of all that another store has, with that one's summary."""
        return bool(self.get(MIRRORED)) and not self.get(MIRRORED_ALONE)

    @property
    def work(self) -> Path:
        return self.path / WORK

    @contextlib.contextmanager
    def workspace(self, prefix: str) -> Iterator[Path]:
        """A folder on the store's file system that is gone after the body."""
        self.work.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=prefix, dir=self.work) as folder:
            yield Path(folder)

    @contextlib.contextmanager
    def locked(self, report: Report) -> Iterator[None]:
        """Hold, for the body, the lock of those who change what the store says; wait for it.

        Web servers can read what is made then, whatever umask the user has.
        """
        self.work.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.work / "lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                with report(f"Waiting for another process that changes {self.path}"):
                    fcntl.flock(lock, fcntl.LOCK_EX)
            self._sweep()
            with modes.usual():
                yield

    def _sweep(self) -> None:
        """Remove what a killed run left; the store is locked."""
        for left in self.work.glob("*-*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def open_store(path: Path) -> Store:
    """The store in the folder at path; RepoError where there is none, or something else."""
    if not (path / "config").is_file() or not (path / "objects").is_dir():
        raise RepoError(f"{path} is no store of trees", hint=f"'dnf tree host {path}' makes one")
    opened = repo.open_repo(path)
    require_archive(opened, path)
    return Store(path, opened)


def require_archive(opened: OSTree.Repo, path: Path) -> None:
    """RepoError for a repository that no web server can serve."""
    if opened.get_mode() != OSTree.RepoMode.ARCHIVE:
        mode = opened.get_config().get_string("core", "mode")
        hint = f"'dnf tree host DIR' makes a store, and 'dnf tree publish REF DIR --repo={path}' fills it from here"
        raise RepoError(f"{path} is a repository in the mode {mode}, and only an archive can be served", hint=hint)


def found(path: Path) -> Store:
    """Make the folder at path a store, or open the one that it is; RepoError where it is something else."""
    if not repo.is_absent(path) and not (path / "objects").is_dir():
        hint = "a store is made in a folder that is not there yet, or empty"
        raise RepoError(f"{path} is not empty, and no store of trees", hint=hint)
    if not repo.is_absent(path):
        return open_store(path)
    with modes.usual():
        return Store(path, repo.create(path, OSTree.RepoMode.ARCHIVE))
