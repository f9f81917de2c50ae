# SPDX-License-Identifier: GPL-2.0-or-later
"""Publishing: a commit becomes what a ref of a store leads to, in an order that holds for clients at each moment.

Whatever names something comes after all that it names: content, signatures, static deltas, the ref, the summary. A run
that was killed is completed by the next one like it.
"""

from __future__ import annotations

import dataclasses

from ostree_layer import beside, ledger, metadata, repo, trees
from ostree_layer.checkout import PULL_ALL
from ostree_layer.compose import recipe
from ostree_layer.errors import RepoError
from ostree_layer.failpoint import failpoint
from ostree_layer.fields import moment
from ostree_layer.hosting import deltas, keys, promotion, summary
from ostree_layer.hosting.reports import Published
from ostree_layer.hosting.store import Store
from ostree_layer.ostree_gi import OSTree, translated
from ostree_layer.report import Report


@dataclasses.dataclass(frozen=True)
class Order:
    """What is to be published: a commit of a repository, under the name of a ref.

    `recipe` is metadata that says how a tree that a host has made is composed, `version` what it is to be called.
    Composed ones have theirs.
    """

    source: OSTree.Repo
    checksum: str
    ref: str
    recipe: metadata.Values = dataclasses.field(default_factory=dict)
    version: str = ""
    with_deltas: bool = True
    may_be_older: bool = False


class Publishing:
    """One commit on its way into a store that is locked."""

    def __init__(self, store: Store, order: Order, report: Report) -> None:
        self._store, self._order, self._report = store, order, report
        self._is_changed = False
        repo.require_ref_name(order.ref)
        self._former = repo.resolve(store.repo, order.ref)
        self._local = ledger.read_local(order.source, order.checksum)

    def carry_out(self) -> Published:
        self.require_sense()
        self.copy()
        self.sign()
        made = self.make_deltas() if self._order.with_deltas else ()
        self.name()
        self.announce()
        version = repo.version(repo.load_commit(self._store.repo, self._checksum))
        return Published(self._order.ref, self._checksum, version, self._former, made, self._is_changed)

    def require_sense(self) -> None:
        """RepoError where the commit cannot be published, or no client would take it."""
        order = self._order
        repo.require_writable(self._store.repo)
        if self._store.is_copy:
            hint = "publish it where that is a mirror of, or in a store that has only some of its refs"
            raise RepoError(f"{self._store.path} is a mirror of all that another store has", hint=hint)
        keys.require_usable(self._store.signing)
        if order.ref.startswith(trees.INTERNAL):
            raise RepoError(f"{order.ref} is no name for others", hint="--name=REF gives it one")
        if repo.is_partial(order.source, order.checksum):
            raise RepoError(f"only a part of commit {order.checksum[:12]} is here", hint=PULL_ALL)
        if order.version and self._local is None:
            raise RepoError(f"commit {order.checksum[:12]} has its version already: it was composed so")
        if self._former and not order.may_be_older:
            self._require_not_older(self._former)

    def _require_not_older(self, former: str) -> None:
        then, now = (
            repo.timestamp(repo.load_commit(*found))
            for found in ((self._store.repo, former), (self._order.source, self._order.checksum))
        )
        if now < then:
            raise RepoError(
                f"{self._order.ref} is at commit {former[:12]} of {moment(then)}, and commit"
                f" {self._order.checksum[:12]} of {moment(now)} is older: clients would not go back to it",
                hint="--allow-older publishes it all the same",
            )

    def copy(self) -> None:
        """Have the commit in the store, complete, and no ref lead to it."""
        with self._report("Copying the tree"):
            if self._local is None:
                self._checksum = self._order.checksum
                self._bring(self._checksum)
            else:
                self._checksum = self._promoted()
        failpoint("publish::copied")

    def _bring(self, checksum: str) -> None:
        store, source = self._store.repo, self._order.source
        if self._is_whole(checksum):
            self._is_changed |= beside.merge(store, checksum, repo.beside(source, checksum))
            return
        kept = repo.beside(store, checksum)
        # What others get is looked at, object by object.
        repo.pull_commit(store, source, checksum, is_trusted=False)
        beside.merge(store, checksum, kept)
        self._is_changed = True

    def _promoted(self) -> str:
        """The commit for others that a host's own becomes; the one that is there already, if there is."""
        order, store = self._order, self._store.repo
        if self._former and promotion.source_of(store, self._former) == order.checksum:
            if order.version in ("", repo.version(repo.load_commit(store, self._former))):
                return self._former
        self._bring(order.checksum)
        parts = (store, order.source, order.checksum, self._parent(), order.recipe, order.version)
        made = promotion.Promotion(*parts).write()
        failpoint("publish::promoted")
        self._forget_source()
        return made

    def _forget_source(self) -> None:
        """The host's commit says more of the host than others are to know."""
        store, order = self._store.repo, self._order
        is_elsewhere = repo.path_of(store) != repo.path_of(order.source)
        if is_elsewhere and order.checksum not in repo.refs(store).values():
            with translated(f"removing commit {order.checksum[:12]} from {self._store.path}", RepoError):
                store.delete_object(OSTree.ObjectType.COMMIT, order.checksum, None)

    def _parent(self) -> str | None:
        return self._former or next(iter(self._bases()), None)

    def _bases(self) -> list[str]:
        """The commits that the tree stands on, as far as the store has them."""
        below = recipe.base_of(repo.metadata(repo.load_commit(self._order.source, self._order.checksum)))
        named = [self._local.base if self._local else below]
        return [checksum for checksum in named if checksum and self._is_whole(checksum)]

    def _is_whole(self, checksum: str) -> bool:
        return repo.has_whole_commit(self._store.repo, checksum)

    def sign(self) -> None:
        """Let each key of the store have signed the commit."""
        with self._report("Signing the commit"):
            self._is_changed |= keys.sign(self._store, self._checksum, self._store.signing)
        failpoint("publish::signed")

    def make_deltas(self) -> tuple[str, ...]:
        """Static deltas from what clients are likely to have: the ref's former commit, and what the tree stands on."""
        wanted = dict.fromkeys([self._former, self._before(), *self._bases()])
        olds = [old for old in wanted if old and old != self._checksum and self._is_whole(old)]
        with self._report("Making static deltas"):
            made = [old for old in olds if deltas.make(self._store, old, self._checksum)]
        self._is_changed |= bool(made)
        failpoint("publish::compared")
        return tuple(made)

    def _before(self) -> str | None:
        parent: str | None = OSTree.commit_get_parent(repo.load_commit(self._store.repo, self._checksum))
        return parent

    def name(self) -> None:
        """Let the ref lead to the commit."""
        if self._former != self._checksum:
            repo.set_ref(self._store.repo, self._order.ref, self._checksum)
            self._is_changed = True
        failpoint("publish::named")

    def announce(self) -> None:
        """Let the summary say so."""
        self._is_changed |= summary.refresh(self._store)
        failpoint("publish::announced")


def publish(store: Store, order: Order, report: Report) -> Published:
    """Publish, after others who are at it."""
    with store.locked(report):
        return Publishing(store, order, report).carry_out()
