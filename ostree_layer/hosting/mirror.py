# SPDX-License-Identifier: GPL-2.0-or-later
"""Mirrors: stores that are copies of others, whole or of some refs, and follow them."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Iterable, Sequence

from ostree_layer import downloads, repo
from ostree_layer.downloads import Progress
from ostree_layer.errors import RepoError, nearest
from ostree_layer.failpoint import failpoint
from ostree_layer.hosting import summary, upstream
from ostree_layer.hosting.store import MIRRORED, MIRRORED_ALONE, Store
from ostree_layer.hosting.upstream import NAME, Said
from ostree_layer.model import Network
from ostree_layer.ostree_gi import GLib, OSTree

# What the owner's decisions are called in the store's configuration.
PATTERNS, DEPTH, BROUGHT = MIRRORED_ALONE, "mirror_depth", MIRRORED
SIGNED = "mirror_signed_summary"
ALL = -1


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What to mirror: refs by names and patterns, all where there are none; of each `depth` commits before the newest,
    all where it is -1. `is_checked`: by the keys that are known, if any are."""

    patterns: tuple[str, ...]
    depth: int
    is_checked: bool


@dataclasses.dataclass(frozen=True)
class Mirrored:
    """What a run has done: refs with the commits before, empty for none, and now; the bytes that were downloaded.

    `gone` are refs that were asked for by name, and that upstream has no more.
    """

    refs: dict[str, tuple[str, str]]
    removed: tuple[str, ...]
    gone: tuple[str, ...]
    is_verified: bool
    has_signed_summary: bool
    size: int


class Counter:
    """How many bytes have come."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self.size = progress, 0

    def __call__(self, done: int, wanted: int, size: int) -> None:
        self.size = max(self.size, size)
        self._progress(done, wanted, size)


def decide(store: Store, patterns: Sequence[str], depth: int | None, *, is_checked: bool) -> Wanted:
    """What the user says now, or else has said before."""
    for pattern in patterns:
        if pattern.startswith("/") or " " in pattern:
            hint = "a store in a folder is named as file:///FOLDER"
            raise RepoError(f"{pattern} is neither a ref nor a pattern of refs", hint=hint)
    former = int(store.get(DEPTH) or ALL)
    known = tuple(patterns) or tuple(store.get(PATTERNS).split())
    return Wanted(known, former if depth is None else depth, is_checked)


def run(store: Store, wanted: Wanted, progress: Progress, network: Network) -> Mirrored:
    """Bring the store to what upstream has now; it is locked. Refs move when their content is here."""
    counter, is_verified = Counter(progress), wanted.is_checked and upstream.has_keys(store.repo)
    before = _local(store)
    try:
        with downloads.going_through(store.repo, NAME, network):
            said = downloads.again(lambda: _pull(store, wanted, counter, network), network, is_signed=is_verified)
    except GLib.Error as e:
        hint = "what has been downloaded is kept, and refs are as they were: the same command goes on from there"
        raise RepoError(f"mirroring {upstream.url(store.repo)}: {e.message}", hint=hint) from e
    chosen = _chosen(said, wanted.patterns)
    removed = _settle(store, said, wanted)
    refs = {ref: (before.get(ref, ""), checksum) for ref, checksum in chosen.items()}
    gone = tuple(ref for ref in wanted.patterns if not _is_pattern(ref) and ref not in said.refs)
    return Mirrored(refs, removed, gone, is_verified, bool(said.signatures), counter.size)


def _pull(store: Store, wanted: Wanted, counter: Counter, network: Network) -> Said:
    """Pull what upstream says that it has; and what that was. GLib.Error where it fails."""
    said = upstream.ask(store.repo)
    chosen = _chosen(said, wanted.patterns)
    _require_some(store, said, chosen, wanted)
    _require_not_own(store, chosen, is_whole=not wanted.patterns)
    is_verified = wanted.is_checked and upstream.has_keys(store.repo)
    if is_verified:
        _require_still_signed(store, said)
    _remember(store, wanted, {*store.get(BROUGHT).split(), *chosen})
    options = {
        "refs": GLib.Variant("as", sorted(chosen)),
        "flags": GLib.Variant("i", int(OSTree.RepoPullFlags.MIRROR)),
        "depth": GLib.Variant("i", wanted.depth),
        "gpg-verify": GLib.Variant("b", is_verified),
        "gpg-verify-summary": GLib.Variant("b", is_verified and bool(said.signatures)),
        **_exactly(said, chosen),
    }
    downloads.pull_once(store.repo, NAME, options, counter, network)
    return said


def _remember(store: Store, wanted: Wanted, brought: Iterable[str]) -> None:
    """Keep in the store what is mirrored, which of its refs are not its own."""
    decisions = {PATTERNS: " ".join(wanted.patterns), DEPTH: str(wanted.depth), BROUGHT: " ".join(sorted(brought))}
    store.set(**decisions)


def _require_still_signed(store: Store, said: Said) -> None:
    """A summary that was signed once and is not any more may be somebody else's."""
    if said.signatures:
        store.set(**{SIGNED: "yes"})
    elif store.get(SIGNED):
        hint = "--nogpgcheck takes it as it is"
        raise RepoError(f"the summary of {upstream.url(store.repo)} was signed, and is not any more", hint=hint)


def _exactly(said: Said, chosen: dict[str, str]) -> dict[str, GLib.Variant]:
    """The options for the commits of this summary, whatever comes after it; libostree verifies signed ones only."""
    if said.signatures:
        return {"summary-bytes": _bytes(said.summary), "summary-sig-bytes": _bytes(said.signatures)}
    return {"override-commit-ids": GLib.Variant("as", [chosen[ref] for ref in sorted(chosen)])}


def _bytes(content: bytes) -> GLib.Variant:
    return GLib.Variant.new_from_bytes(GLib.VariantType("ay"), GLib.Bytes.new(content), True)


def _is_pattern(word: str) -> bool:
    return any(character in word for character in "*?[")


def _chosen(said: Said, patterns: tuple[str, ...]) -> dict[str, str]:
    """Of what upstream has, what is wanted."""
    return {
        ref: checksum
        for ref, checksum in said.refs.items()
        if not patterns or any(fnmatch.fnmatchcase(ref, pattern) for pattern in patterns)
    }


def _require_some(store: Store, said: Said, chosen: dict[str, str], wanted: Wanted) -> None:
    """RepoError where upstream has not what was asked for; what it once had may be gone."""
    here = store.get(BROUGHT).split()
    for word in wanted.patterns:
        if not _is_pattern(word) and word not in said.refs and word not in here:
            hint = nearest(word, said.refs, otherwise=f"it has {', '.join(sorted(said.refs))}")
            raise RepoError(f"{upstream.url(store.repo)} has no ref {word}", hint=hint)
    if not chosen:
        found = f"no ref like {' or '.join(wanted.patterns)}" if wanted.patterns else "no refs"
        hint = f"it has {', '.join(sorted(said.refs))}" if said.refs else ""
        raise RepoError(f"{upstream.url(store.repo)} has {found}", hint=hint)


def _require_not_own(store: Store, chosen: dict[str, str], *, is_whole: bool) -> None:
    """RepoError where refs would be taken from whoever has made them here."""
    brought = set(store.get(BROUGHT).split())
    own = {ref for ref, checksum in _local(store).items() if ref not in brought and chosen.get(ref) != checksum}
    for ref in sorted(own.intersection(chosen)):
        hint = "names or patterns leave it out, or 'ostree refs --delete' removes it"
        raise RepoError(f"{ref} is a ref of this store's own, and upstream has it, too", hint=hint)
    if own and is_whole and not brought:
        hint = "a part of another store can be mirrored beside them: name refs or patterns"
        raise RepoError(f"{store.path} has refs of its own, such as {min(own)}: it cannot be a copy", hint=hint)


def _local(store: Store) -> dict[str, str]:
    return {ref: checksum for ref, checksum in repo.refs(store.repo).items() if ":" not in ref}


def _settle(store: Store, said: Said, wanted: Wanted) -> tuple[str, ...]:
    """Let the store say what it has; a whole mirror loses, before that, the refs that upstream has lost."""
    if wanted.patterns:
        summary.refresh(store)
        return ()
    lost = sorted(set(store.get(BROUGHT).split()) - set(said.refs))
    there = [ref for ref in lost if ref in _local(store)]
    for ref in there:
        repo.set_ref(store.repo, ref, None)
    failpoint("mirror::lost")
    with store.workspace("mirror-") as folder:
        contents = {summary.SUMMARY: said.summary, summary.SIGNATURES: said.signatures}
        for name, content in contents.items():
            if content:
                (folder / name).write_bytes(content)
        summary.announce(store, folder)
    _remember(store, wanted, said.refs)
    return tuple(there)
