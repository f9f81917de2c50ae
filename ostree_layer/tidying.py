# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf cleanup`: deployments and kept trees that the user wants to be rid of."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Collection, Iterator

from ostree_layer import choice, deploy, local_history, repo, retention, sysroot
from ostree_layer.errors import HostError
from ostree_layer.failpoint import failpoint
from ostree_layer.model import Settings, Target
from ostree_layer.ostree_gi import OSTree

PENDING, ROLLBACK, METADATA, HISTORY = WORDS = ("pending", "rollback", "metadata", "history")


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to go, and what of what was asked for stays and why; it holds as long as the sysroot is locked."""

    target: Target
    locked: OSTree.Sysroot
    stateroot: str
    dropped: tuple[OSTree.Deployment, ...]
    titles: tuple[str, ...]
    forgotten: tuple[str, ...]
    notes: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.dropped or self.forgotten)

    def carry_out(self, settings: Settings) -> None:
        rest = [d for d in self.locked.get_deployments() if not any(d.equal(other) for other in self.dropped)]
        failpoint("tidying::chosen")
        if self.dropped:
            sysroot.write_deployments(self.locked, rest)
        failpoint("tidying::undeployed")
        if self.forgotten:
            local_history.drop(sysroot.repository(self.locked), self.stateroot)
            failpoint("tidying::forgotten")
            # At once: the clean-up to come would find them again by the newest tree.
            sysroot.prune(self.locked)
        deploy.clean_up_later(self.target, settings.history)


def require_words(words: Collection[str]) -> set[str]:
    """The words, of which there is at least one, and all of which mean something."""
    unknown = ", ".join(word for word in words if word not in WORDS)
    if unknown or not words:
        message = f"'dnf cleanup' does not know {unknown}" if unknown else "'dnf cleanup' needs to be told what to drop"
        raise HostError(message, hint=f"one or more of {', '.join(WORDS)}")
    return set(words)


@contextlib.contextmanager
def cleanup(target: Target, words: Collection[str]) -> Iterator[Plan]:
    """For the body, plan to drop the deployments and the kept trees that words are about."""
    with sysroot.changing(target) as locked:
        stateroot = sysroot.require_stateroot(locked, target.stateroot)
        siblings = sysroot.deployments_of(locked, stateroot)
        booted = next((index for index, d in enumerate(siblings) if _is_booted(locked, d)), None)
        chosen = [*(siblings[:booted] if PENDING in words and booted else [])]
        chosen += siblings[(booted or 0) + 1 :] if ROLLBACK in words else []
        pinned = [d for d in chosen if retention.is_pinned_by_user(d)]
        notes = [f"Deployment {choice.title(locked, d)} is pinned, and stays." for d in pinned]
        if PENDING in words and booted is None:
            notes.append(f"No deployment of {stateroot} is booted, so none is pending.")
        dropped = tuple(d for d in chosen if d not in pinned)
        titles = tuple(choice.title(locked, d) for d in dropped)
        left = [d for d in siblings if d not in dropped]
        forgotten = _superfluous(locked, stateroot, left) if HISTORY in words else ()
        yield Plan(target, locked, stateroot, dropped, titles, forgotten, tuple(notes))


def _is_booted(locked: OSTree.Sysroot, deployment: OSTree.Deployment) -> bool:
    booted = sysroot.find_booted(locked)
    return booted is not None and deployment.equal(booted)


def _superfluous(locked: OSTree.Sysroot, stateroot: str, left: Collection[OSTree.Deployment]) -> tuple[str, ...]:
    """The kept trees that are neither deployed in what is left nor the newest."""
    store = sysroot.repository(locked)
    used = {d.get_csum() for d in left} | {repo.resolve(store, repo.local_ref(stateroot))}
    return tuple(checksum for checksum in local_history.kept(store, stateroot) if checksum not in used)
