# SPDX-License-Identifier: GPL-2.0-or-later
"""What one `dnf tree compose` does with its treefiles, and what it has done to the repository if it fails."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Callable

from ostree_layer import compose, repo
from ostree_layer.compose import planning, report, workshop
from ostree_layer.compose.order import Base, Order, Outcome
from ostree_layer.compose.selection import Selection
from ostree_layer.compose.workshop import Workshop
from ostree_layer.layout.kernel import Report
from ostree_layer.treefile import Treefile


class Session:
    """Treefiles for the repository at `where`, which may have to be made.

    `announce` is told the ref of each tree that has to be made, `progress` each step of ours.
    """

    def __init__(
        self,
        trees: Sequence[Treefile],
        where: Path,
        selection: Selection,
        announce: Callable[[str], None],
        progress: Report,
    ) -> None:
        self._trees, self._where, self._selection = trees, where, selection
        self._announce, self._progress = announce, progress
        self._before = self._refs()
        self.is_unchanged = False

    def _refs(self) -> dict[str, str]:
        return repo.refs(repo.open_repo(self._where)) if (self._where / "refs").is_dir() else {}

    def state(self) -> str:
        """After a run that failed: what it has left in the repository."""
        moved = sorted(name for name, checksum in self._refs().items() if self._before.get(name) != checksum)
        return f"Published before: {', '.join(moved)}." if moved else f"{self._where} is as it was."

    def follow(self, order: Order, opts: argparse.Namespace) -> Iterator[str]:
        """Do what the options want, and say what came of it, line by line."""
        with workshop.opened(Path(opts.workdir)) as shop:
            if opts.dry_run or opts.download_only:
                yield from self._preview(shop, order, only_download=opts.download_only)
            else:
                yield from self._compose(shop, order, opts)

    def _compose(self, shop: Workshop, order: Order, opts: argparse.Namespace) -> Iterator[str]:
        target = repo.open_or_create(self._where)
        repo.require_writable(target)
        composer = compose.Composer(shop, target, self._selection, self._progress)

        def make(tree: Treefile, base: Base, ref: str, previous: str | None, order: Order) -> Outcome:
            self._announce(ref)
            return composer.make(tree, base, ref, previous, order)

        plan = planning.Plan(shop, target, self._selection, order, make)
        is_changed = False
        for outcome in plan.follow(self._trees):
            is_changed = is_changed or outcome.is_new
            yield from report.lines(outcome)
            report.write(target, outcome, opts)
        self.is_unchanged = not is_changed

    def _preview(self, shop: Workshop, order: Order, *, only_download: bool) -> Iterator[str]:
        target = shop.store if repo.is_absent(self._where) else repo.open_repo(self._where)
        plan = planning.Plan(shop, target, self._selection, order)
        for tree in self._trees:
            with plan.preview(tree):
                if only_download:
                    self._selection.run(only_download=True)
                else:
                    yield self._selection.show()
