# SPDX-License-Identifier: GPL-2.0-or-later
"""What a command has to compose: which trees, in which order, on what, and which of them are there already."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ostree_layer import dnf_base, repo
from ostree_layer.compose import family, inputs, record
from ostree_layer.compose.composed import Coming
from ostree_layer.compose.order import Base, Layer, Order, Outcome
from ostree_layer.compose.selection import Selection
from ostree_layer.compose.workshop import Workshop
from ostree_layer.errors import ComposeError
from ostree_layer.failpoint import failpoint
from ostree_layer.layout import rpm_home
from ostree_layer.ostree_gi import OSTree
from ostree_layer.report import Report
from ostree_layer.treefile import Treefile

# Of a treefile, on a base, for a ref, after a commit of the target.
Make = Callable[[Treefile, Base, str, "str | None", Order], Outcome]


class Session:
    """One command's treefiles, for the repository at `where`, which may have to be made."""

    def __init__(self, trees: Sequence[Treefile], where: Path, selection: Selection, report: Report) -> None:
        self._trees, self.where, self._selection, self._report = trees, where, selection, report
        self._before = self._refs()

    def _refs(self) -> dict[str, str]:
        return repo.refs(repo.open_repo(self.where)) if (self.where / "refs").is_dir() else {}

    def state(self) -> str:
        """After a run that failed: what it has left in the repository."""
        moved = sorted(name for name, checksum in self._refs().items() if self._before.get(name) != checksum)
        return f"Published before: {', '.join(moved)}." if moved else f"{self.where} is as it was."

    def compose(self, workshop: Workshop, order: Order, composer: Callable[[OSTree.Repo], Make]) -> Iterator[Outcome]:
        """Compose the trees, by what `composer` returns for the target."""
        target = repo.open_or_create(self.where)
        repo.require_writable(target)
        plan = Plan(workshop, target, self._selection, order, composer(target))
        yield from plan.follow(self._trees, self._report)

    def preview(self, workshop: Workshop, order: Order, *, only_download: bool) -> Iterator[str]:
        """Show the packages of the trees, or download them."""
        target = workshop.store if repo.is_absent(self.where) else repo.open_repo(self.where)
        plan = Plan(workshop, target, self._selection, order)
        for tree in self._trees:
            with plan.preview(tree):
                if only_download:
                    self._selection.run(only_download=True)
                else:
                    yield self._selection.show()


class Plan:
    """One command's trees, and those that they stand on; `make` composes one, which a preview does not need."""

    def __init__(
        self, workshop: Workshop, target: OSTree.Repo, selection: Selection, order: Order, make: Make | None = None
    ) -> None:
        self._workshop, self._target, self._selection = workshop, target, selection
        self._order, self._make = order, make
        self._named: dict[Path, Treefile] = {}
        self._done: dict[Path, Outcome] = {}

    def follow(self, trees: Iterable[Treefile], report: Report) -> Iterator[Outcome]:
        """Compose trees and publish them, each as soon as it is done; what others stand on comes first."""
        self._named, self._report = {tree.path.resolve(): tree for tree in trees}, report
        self._require_sense()
        for path in self._named:
            yield self._outcome(path)

    def _require_sense(self) -> None:
        """ComposeError for what would only be found out when trees are composed."""
        found: dict[str, Treefile] = {}
        for tree in self._named.values():
            ref = self._order.branch or _ref(tree)
            repo.require_ref_name(ref)
            if ref in found:
                raise ComposeError(f"{found[ref].path} and {tree.path} are both for the ref {ref}")
            found[ref] = tree
        for name, value in self._order.metadata.items():
            record.variant(value, name)

    @contextlib.contextmanager
    def preview(self, tree: Treefile) -> Iterator[None]:
        """For the body, have DNF's transaction be what composing the tree would begin with, all of it at once."""
        base = self._named_base(tree) if tree["base-refspec"] else self._workshop.skeleton(tmp_is_dir=True)
        with contextlib.ExitStack() as stack:
            root = self._workshop.databases(base)
            dnf_base.lend_dbpath_to_children(root, rpm_home.DATABASE, stack)
            stack.enter_context(self._selection.of(tree, root, self._order.locks, is_strict=self._order.is_strict))
            yield

    def _named_base(self, tree: Treefile) -> str:
        checksum = self._find(tree["base-refspec"])
        self._workshop.import_commit(self._target, checksum)
        return checksum

    def _outcome(self, path: Path) -> Outcome:
        """Of a tree that the command names."""
        if path not in self._done:
            tree = self._named[path]
            ref = self._order.branch or _ref(tree)
            previous = self._find(self._order.parent) if self._order.parent else repo.resolve(self._target, ref)
            outcome = self._made(tree, ref, previous, self._order)
            if outcome.is_new:
                with self._report("Publishing it"):
                    self._workshop.publish(self._target, ref, outcome.checksum, moves_ref=self._order.moves_ref)
                failpoint("compose::published")
            self._done[path] = outcome
        return self._done[path]

    def _member(self, tree: Treefile) -> Outcome:
        """Of a tree that another one stands on; one that the command does not name stays in the workshop."""
        path = tree.path.resolve()
        if path in self._named:
            self._outcome(path)
        elif path not in self._done:
            ref = _ref(tree)
            self._done[path] = self._made(tree, ref, repo.resolve(self._target, ref), self._order.of_members())
        checksum = self._done[path].checksum
        self._workshop.import_commit(self._target, checksum)
        if path not in self._named:
            self._workshop.keep(_ref(tree), checksum)
        return self._done[path]

    def _find(self, rev: str) -> str:
        found = repo.resolve(self._target, rev)
        if found is None:
            raise ComposeError(f"{repo.path_of(self._target)} has no {rev}")
        return found

    def _base(self, tree: Treefile) -> Base:
        """What the tree stands on: the one that it names, a tree of its family, or an empty one."""
        standing, left = family.find(tree), tree
        coming: tuple[Coming, ...] = ()
        if tree["base-refspec"]:
            checksum = self._named_base(tree)
        elif standing is not None:
            member = self._member(standing.base)
            checksum, left, coming = member.checksum, standing.added, member.coming
        else:
            checksum = self._workshop.skeleton(tmp_is_dir=tree["tmp-is-dir"])
        commit = repo.load_commit(self._workshop.store, checksum)
        is_tree = bool(tree["base-refspec"]) or standing is not None
        layers = tuple(self._layers(left))
        return Base(checksum, repo.content_of(commit), repo.version(commit), left, is_tree, coming, layers)

    def _layers(self, tree: Treefile) -> Iterator[Layer]:
        for key in ("ostree-layers", "ostree-override-layers"):
            for ref in tree[key]:
                checksum = self._find(ref)
                self._workshop.import_commit(self._target, checksum)
                content = repo.content_of(repo.load_commit(self._workshop.store, checksum))
                yield Layer(ref, checksum, content, wins=key == "ostree-override-layers")

    def _made(self, tree: Treefile, ref: str, previous: str | None, order: Order) -> Outcome:
        """The tree: `previous`, or what the workshop keeps for the ref, if that is made of the same; else a new one."""
        base = self._base(tree)
        known = [(self._target, previous), (self._workshop.store, self._workshop.kept(ref))]
        made = [(checksum, store) for store, checksum in known if checksum and repo.has_commit(store, checksum)]
        commits = [(checksum, repo.load_commit(store, checksum)) for checksum, store in made]
        if not order.even_if_unchanged and any(record.inputs_of(commit) for _checksum, commit in commits):
            made_of, coming = self._taken(tree, base)
            for checksum, commit in commits:
                if record.inputs_of(commit) == made_of:
                    parts = (checksum, repo.content_of(commit), repo.version(commit), previous)
                    return Outcome(tree, ref, *parts, is_new=checksum != previous, coming=(*base.coming, *coming))
        assert self._make is not None
        return self._make(tree, base, ref, previous, order)

    def _taken(self, tree: Treefile, base: Base) -> tuple[str, list[Coming]]:
        """The digest of what composing would take, and its packages; of the base, only the databases are needed."""
        root = self._workshop.databases(base.checksum)
        with self._selection.of(base.left, root, self._order.locks, is_strict=self._order.is_strict):
            coming = self._selection.coming()
            return inputs.digest(tree, base.contents, coming), coming


def _ref(tree: Treefile) -> str:
    if not tree["ref"]:
        raise ComposeError(f"{tree.path} has no ref", hint="the key ref, or --branch, names what commits go to")
    return str(tree["ref"])
