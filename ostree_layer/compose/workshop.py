# SPDX-License-Identifier: GPL-2.0-or-later
"""Where trees are composed: a folder with a repository of its own, from which finished commits are copied out.

The target repository gets whole commits or nothing, whatever its mode and whatever happens here.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ostree_layer import checkout, modes, mounts, repo, staging
from ostree_layer.errors import CommitError, HostError
from ostree_layer.failpoint import failpoint
from ostree_layer.layout import skeleton
from ostree_layer.ostree_gi import AT_FDCWD, OSTree, translated

# What DNF reads of a root.
DATABASES = ("usr/lib/sysimage", "usr/etc/dnf")
# Below it, what each ref of a target was last, and the trees that others were composed on.
COMPOSED = "composed"
# Below it, commits of the target that this run needs.
IMPORTED = "imported"
# Checked out, for others to stand on.
TREES = "trees"
REPOSITORY = "repo"
# Holds the boot in which the workshop was used, while not all of it is certain to be on the disk.
UNSYNCED = "unsynced"
BOOT = Path("/proc/sys/kernel/random/boot_id")


class Workshop:
    """The folder, locked, and its repository; `lower` hands out trees that staged roots may stand on."""

    def __init__(self, folder: Path, store: OSTree.Repo) -> None:
        self.folder, self.store = folder, store
        self._folders: list[Path] = []
        self._imported: set[str] = set()

    def lower(self, checksum: str) -> Path:
        """The tree of a commit of `store`, which nobody may write to."""
        target = self.folder / TREES / checksum
        if not target.exists():
            new = self._new_folder() / "tree"
            checkout.tree(self.store, checksum, new)
            new.rename(target)
        return target

    def databases(self, checksum: str) -> Path:
        """A root with what rpm and DNF know of the commit, and nothing else."""
        folder = self._new_folder()
        for path in DATABASES:
            checkout.directory(self.store, checksum, path, folder / path.replace("usr/etc", "etc"))
        return folder

    def skeleton(self, *, tmp_is_dir: bool) -> str:
        """The checksum of a commit of what a tree has before its first package."""
        folder = self._new_folder() / "tree"
        with modes.usual():
            folder.mkdir()
            skeleton.make(folder, tmp_is_dir=tmp_is_dir)
        with translated("writing an empty tree", CommitError), repo.transaction(self.store):
            tree = OSTree.MutableTree.new()
            self.store.write_dfd_to_mtree(AT_FDCWD, str(folder), tree, None, None)
            root = self.store.write_mtree(tree, None)[1]
            checksum = str(self.store.write_commit_with_time(None, None, None, None, root, 0, None)[1])
        return checksum

    def _new_folder(self) -> Path:
        parent = self.folder / staging.STAGING
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folders.append(Path(tempfile.mkdtemp(prefix="lower-", dir=parent)))
        return self._folders[-1]

    def close(self) -> None:
        """Take away what the next run has no use for."""
        for name in repo.refs(self.store, IMPORTED):
            if name not in self._imported:
                repo.set_ref(self.store, name, None)
        kept = {*repo.refs(self.store, COMPOSED).values(), *repo.refs(self.store, IMPORTED).values()}
        for folder in [*self._folders, *(tree for tree in (self.folder / TREES).glob("*") if tree.name not in kept)]:
            shutil.rmtree(folder)

    def import_commit(self, target: OSTree.Repo, checksum: str) -> None:
        """Have a commit of the target here, too."""
        if not repo.has_commit(self.store, checksum):
            repo.pull_commit(self.store, target, checksum)
        name = f"{IMPORTED}/{checksum}"
        repo.set_ref(self.store, name, checksum)
        self._imported.add(name)

    def publish(self, target: OSTree.Repo, ref: str, checksum: str, *, moves_ref: bool) -> None:
        """Copy a commit into the target, and then let the ref name it, unless whoever called does that."""
        repo.pull_commit(target, self.store, checksum)
        failpoint("compose::copied")
        if moves_ref:
            repo.set_ref(target, ref, checksum)
        self.keep(ref, checksum)

    def keep(self, ref: str, checksum: str) -> None:
        """Keep the commit until there is a newer one of its kind."""
        name = f"{COMPOSED}/{ref}"
        former = repo.resolve(self.store, name)
        repo.set_ref(self.store, name, checksum)
        if former not in (None, checksum):
            with translated("pruning the workshop", CommitError):
                self.store.prune(OSTree.RepoPruneFlags.REFS_ONLY, 0, None)

    def kept(self, ref: str) -> str | None:
        """The commit that `keep` has for a ref."""
        return repo.resolve(self.store, f"{COMPOSED}/{ref}")


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Workshop]:
    """The workshop in a folder, made if it is not there; nobody else works in it during the body."""
    mounts.enter_private_namespace()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise HostError(f"somebody else is composing in {folder}", hint="--workdir names another folder") from e
        folder = folder.resolve()
        staging.sweep(folder)
        with _unsynced(folder):
            store = repo.create(folder / REPOSITORY, OSTree.RepoMode.BARE)
            # What is lost in a power cut can be made again; the target repository is written with all care.
            store.set_disable_fsync(True)
            (folder / TREES).mkdir(exist_ok=True)
            workshop = Workshop(folder, store)
            try:
                yield workshop
            finally:
                workshop.close()


@contextlib.contextmanager
def _unsynced(folder: Path) -> Iterator[None]:
    """Let the body write without syncing; where it was cut short by the machine's end, begin anew."""
    mark, boot = folder / UNSYNCED, BOOT.read_text()
    if mark.exists() and mark.read_text() != boot:
        for name in (REPOSITORY, TREES):
            shutil.rmtree(folder / name, ignore_errors=True)
    mark.write_text(boot)
    mounts.sync(folder)
    try:
        yield
    finally:
        mounts.sync(folder)
        mark.unlink()
