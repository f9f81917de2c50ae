# SPDX-License-Identifier: GPL-2.0-or-later
"""libostree's repository: its transaction, its refs, its commits' metadata."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from ostree_layer.errors import RepoError
from ostree_layer.failpoint import failpoint
from ostree_layer.ostree_gi import GLib, OSTree, gfile, translated

LOCAL_REFS = "ostree-layer/local"
BASE_REFS = "ostree-layer/base"
HISTORY_REFS = "ostree-layer/history"
# Of a summary: refs with their commits, and what else there is to say.
SUMMARY_TYPE = GLib.VariantType("(a(s(taya{sv}))a{sv})")


@contextlib.contextmanager
def transaction(repo: OSTree.Repo) -> Iterator[None]:
    """Write in the body; a body that fails leaves no ref, at most objects that nothing names."""
    repo.prepare_transaction(None)
    try:
        yield
    except BaseException:
        repo.abort_transaction(None)
        raise
    repo.commit_transaction(None)


def open_repo(path: Path) -> OSTree.Repo:
    """The repository in the folder at path, whatever its mode."""
    opened = OSTree.Repo.new(gfile(path))
    with translated(f"opening the repository {path}", RepoError, hint="--repo=DIR names a repository of trees"):
        opened.open(None)
    return opened


def load_commit(repo: OSTree.Repo, checksum: str) -> GLib.Variant:
    with translated(f"reading commit {checksum}", RepoError):
        _ok, commit, _state = repo.load_commit(checksum)
    return commit


def is_partial(repo: OSTree.Repo, checksum: str) -> bool:
    """Whether no more than a part of the commit was pulled, as with --commit-metadata-only."""
    with translated(f"reading commit {checksum}", RepoError):
        _ok, _commit, state = repo.load_commit(checksum)
    return bool(state & OSTree.RepoCommitState.PARTIAL)


def metadata(commit: GLib.Variant) -> dict[str, GLib.Variant]:
    """A commit's metadata, each value still a variant, so that it can be carried over as it is."""
    return _values(commit.get_child_value(0))


def all_metadata(repo: OSTree.Repo, checksum: str) -> dict[str, GLib.Variant]:
    """A commit's metadata with what is stored beside the commit."""
    return {**beside(repo, checksum), **metadata(load_commit(repo, checksum))}


def beside(repo: OSTree.Repo, checksum: str) -> dict[str, GLib.Variant]:
    """What is stored beside a commit, and is no part of it: signatures, above all."""
    with translated(f"reading what is beside commit {checksum}", RepoError):
        found = repo.read_commit_detached_metadata(checksum, None)[1]
    return {} if found is None else _values(found)


def _values(stored: GLib.Variant) -> dict[str, GLib.Variant]:
    values = {}
    for index in range(stored.n_children()):
        entry = stored.get_child_value(index)
        values[entry.get_child_value(0).get_string()] = entry.get_child_value(1).get_variant()
    return values


def timestamp(commit: GLib.Variant) -> int:
    """Seconds since the epoch."""
    return int(OSTree.commit_get_timestamp(commit))


def time_of(commit: GLib.Variant) -> str:
    """As ISO 8601 has it, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(timestamp(commit)))


def version(commit: GLib.Variant) -> str:
    found = metadata(commit).get("version")
    return str(found.unpack()) if found is not None else ""


def refs(repo: OSTree.Repo, prefix: str | None = None) -> dict[str, str]:
    """Refs below prefix, or all with those of remotes, by their full names."""
    _ok, found = repo.list_refs_ext(prefix, OSTree.RepoListRefsExtFlags.NONE, None)
    return dict(found)


def set_ref(repo: OSTree.Repo, name: str, checksum: str | None) -> None:
    """Point the local ref at checksum at once, or take it away."""
    with translated(f"writing the ref {name}", RepoError):
        repo.set_ref_immediate(None, name, checksum, None)


@contextlib.contextmanager
def leading(repo: OSTree.Repo, name: str, checksum: str) -> Iterator[None]:
    """Let the local ref, if a name is given, lead to checksum; if the body fails, to where it led before."""
    if not name:
        yield
        return
    former = resolve(repo, name)
    set_ref(repo, name, checksum)
    try:
        failpoint("repo::named")
        yield
    except BaseException:
        set_ref(repo, name, former)
        raise


def local_ref(stateroot: str) -> str:
    return f"{LOCAL_REFS}/{stateroot}"


def base_ref(checksum: str) -> str:
    """The ref that keeps a base commit that need not be deployed any more."""
    return f"{BASE_REFS}/{checksum}"


def history_ref(stateroot: str, checksum: str) -> str:
    """The ref that keeps a local tree which need be neither deployed nor the newest."""
    return f"{HISTORY_REFS}/{stateroot}/{checksum}"


def create(path: Path, mode: OSTree.RepoMode) -> OSTree.Repo:
    """Make a repository at path, or open the one that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    store = OSTree.Repo.new(gfile(path))
    with translated(f"making the repository {path}", RepoError):
        store.create(mode, None)
        store.open(None)
    return store


def is_absent(path: Path) -> bool:
    """Whether there is nothing at path yet, or an empty folder."""
    return not path.exists() or (path.is_dir() and not any(path.iterdir()))


def open_or_create(path: Path) -> OSTree.Repo:
    """Open a repository of trees; where there is nothing yet, make one that can be served as it is."""
    return create(path, OSTree.RepoMode.ARCHIVE) if is_absent(path) else open_repo(path)


def require_writable(repo: OSTree.Repo) -> None:
    with translated(f"writing to the repository {path_of(repo)}", RepoError):
        repo.is_writable()


def require_ref_name(name: str) -> None:
    """RepoError where no ref can have this name."""
    try:
        OSTree.validate_rev(name)
    except GLib.Error as e:
        hint = "it is of letters, digits, dots, hyphens and underscores, with slashes between them"
        raise RepoError(f"{name} is no name of a ref", hint=hint) from e


def resolve(repo: OSTree.Repo, rev: str) -> str | None:
    """The checksum of a ref or of a commit; None where there is none."""
    with translated(f"looking for {rev}", RepoError):
        return repo.resolve_rev(rev, True)[1] or None


def content_of(commit: GLib.Variant) -> str:
    """The checksum of a commit's tree: the same for commits of the same content."""
    return str(OSTree.commit_get_content_checksum(commit))


def has_commit(repo: OSTree.Repo, checksum: str) -> bool:
    return bool(repo.has_object(OSTree.ObjectType.COMMIT, checksum, None)[1])


def has_whole_commit(repo: OSTree.Repo, checksum: str) -> bool:
    """Whether the commit is here, and not only a part of what is in it."""
    return has_commit(repo, checksum) and not is_partial(repo, checksum)


def pull_commit(repo: OSTree.Repo, source: OSTree.Repo, checksum: str, *, is_trusted: bool = True) -> None:
    """Copy one commit with all that is in it; what repo has already is not copied again.

    RepoError where an object is not what its checksum says, if the source is not trusted.
    """
    flags = OSTree.RepoPullFlags.NONE if is_trusted else OSTree.RepoPullFlags.UNTRUSTED
    values = {"refs": GLib.Variant("as", [checksum]), "flags": GLib.Variant("i", int(flags))}
    options = GLib.Variant("a{sv}", values)
    with translated(f"copying commit {checksum[:12]} into {path_of(repo)}", RepoError):
        repo.pull_with_options(f"file://{path_of(source)}", options, None, None)


def path_of(repo: OSTree.Repo) -> Path:
    """Its place by name; of a sysroot's repository libostree itself only tells which file descriptor it has."""
    path = Path(repo.get_path().get_path())
    return path.resolve() if path.is_relative_to("/proc/self/fd") else path
