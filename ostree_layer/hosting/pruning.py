# SPDX-License-Identifier: GPL-2.0-or-later
"""Pruning: which commits of a store are kept, and why, and how the others go."""

from __future__ import annotations

import argparse
import dataclasses
import fnmatch
import time
from collections.abc import Collection, Iterable, Iterator, Sequence

from ostree_layer import repo, trees
from ostree_layer.errors import RepoError
from ostree_layer.failpoint import failpoint
from ostree_layer.hosting import deltas, summary
from ostree_layer.hosting.reports import Pruned
from ostree_layer.hosting.store import Store
from ostree_layer.ostree_gi import OSTree, translated
from ostree_layer.report import Report

DAY = 24 * 3600
GRACE = DAY
HINT = "--keep=N, --keep-days=D or --keep-version=PATTERN does, here or, for good, with 'dnf tree host'"


@dataclasses.dataclass(frozen=True)
class Policy:
    """What is kept besides what refs lead to and what is deployed: of each ref the newest `count` commits, those of the
    last `days`, and those whose version matches one of the shell patterns."""

    count: int = 0
    days: int = 0
    versions: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.count or self.days or self.versions)


def add_policy(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--keep", type=int, default=0, metavar="N", help="keep the newest N commits of each ref")
    add("--keep-days", type=int, default=0, metavar="D", help="keep the commits of the last D days")
    text = "keep the commits whose version matches this shell pattern; can be repeated"
    add("--keep-version", action="append", default=[], metavar="PATTERN", help=text)


def policy_of(opts: argparse.Namespace) -> Policy:
    """The policy that the options say, which may be none."""
    if opts.keep < 0 or opts.keep_days < 0:
        raise RepoError("less than nothing cannot be kept")
    return Policy(opts.keep, opts.keep_days, tuple(opts.keep_version))


def decide(store: Store, policy: Policy) -> None:
    """Let this be the store's policy, if there is any in it."""
    if policy:
        numbers = {"keep": str(policy.count or ""), "keep_days": str(policy.days or "")}
        store.set(**numbers, keep_version=" ".join(policy.versions))


def decided(store: Store) -> Policy:
    """The store's policy; RepoError where its owner has decided nothing."""
    try:
        count, days = (int(store.get(key) or 0) for key in ("keep", "keep_days"))
    except ValueError as e:
        raise RepoError(f"{store.path} says no number of commits or days: {e}", hint=HINT) from e
    found = Policy(count, days, tuple(store.get("keep_version").split()))
    if not found:
        raise RepoError(f"nothing says what is kept of {store.path}", hint=HINT)
    return found


def plan(store: Store, policy: Policy, deployed: Collection[str]) -> Pruned:
    """Which commits go, and which that nothing else keeps stay because they are deployed."""
    opened = store.repo
    with translated(f"listing the commits of {store.path}", RepoError):
        found = opened.list_commit_objects_starting_with("", None)[1]
    everything = {name.unpack()[0] for name in found}
    tips = set(repo.refs(opened).values())
    histories = [list(trees.lineage(opened, tip)) for tip in tips]
    kept = tips.union(*(_newest(opened, history, policy) for history in histories))
    kept |= {checksum for checksum in everything if _has_version(opened, checksum, policy.versions)}
    kept |= {checksum for checksum in everything.difference(*histories) if _is_fresh(store, checksum)}
    needed = everything.intersection(deployed) - kept
    return Pruned(tuple(sorted(everything - kept - needed)), tuple(sorted(needed)), len(kept))


def _newest(opened: OSTree.Repo, history: Sequence[str], policy: Policy) -> Iterator[str]:
    yield from history[: policy.count]
    oldest = time.time() - policy.days * DAY
    if policy.days:
        yield from (name for name in history if repo.timestamp(repo.load_commit(opened, name)) >= oldest)


def _has_version(opened: OSTree.Repo, checksum: str, patterns: Iterable[str]) -> bool:
    version = repo.version(repo.load_commit(opened, checksum))
    return any(fnmatch.fnmatchcase(version, pattern) for pattern in patterns)


def _is_fresh(store: Store, checksum: str) -> bool:
    """Whether a commit that no ref leads to may be about to get one."""
    path = store.path / "objects" / checksum[:2] / f"{checksum[2:]}.commit"
    return path.stat().st_mtime > time.time() - GRACE


def carry_out(store: Store, found: Pruned, report: Report) -> int:
    """Remove commits, then what led to them, and then what is in no commit; return how many bytes that was."""
    with translated(f"pruning {store.path}", RepoError):
        for checksum in found.removed:
            store.repo.delete_object(OSTree.ObjectType.COMMIT, checksum, None)
        failpoint("prune::forgotten")
        deltas.drop_broken(store)
        summary.refresh(store)
        failpoint("prune::announced")
        with report("Removing what is in no commit"):
            return int(store.repo.prune(OSTree.RepoPruneFlags.NONE, -1, None)[3])
