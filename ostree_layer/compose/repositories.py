# SPDX-License-Identifier: GPL-2.0-or-later
"""The repositories of packages that a treefile names."""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ostree_layer.errors import ComposeError


def open_for(tree: Any, base: Any, machine: Sequence[str], read: Callable[[], None]) -> None:
    """Let DNF's `base` have those that the treefile names: its own, those beside it, or else those of this machine.

    Without names it has all that are enabled. `read` makes DNF read the folders of its configuration.
    """
    wanted = {*tree["repos"], *tree["lockfile-repos"]}
    with tempfile.TemporaryDirectory(prefix="dnf-ostree-") as described:
        own = [os.fspath(tree.path.parent.resolve()), described]
        Path(described, "treefile.repo").write_text("".join(_sections(tree["repositories"])))
        has_own = any(glob.glob(f"{own[0]}/*.repo")) or bool(tree["repositories"])
        _read(base, own if has_own else machine, read)
        if has_own and not wanted <= set(base.repos):
            _read(base, [*own, *machine], read)
    _require(tree, wanted, set(base.repos))
    for repo in base.repos.values():
        if tree["repos"] and repo.id not in wanted:
            repo.disable()
        elif repo.id in wanted:
            repo.enable()
        repo.skip_if_unavailable = False  # a tree is what its treefile says, or it is not made


def _sections(repositories: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """A .repo file, line by line."""
    for name, options in repositories.items():
        yield f"[{name}]\n"
        yield from (f"{option}={value}\n" for option, value in {"name": name, **options}.items())


def _read(base: Any, folders: Sequence[str], read: Callable[[], None]) -> None:
    base.reset(repos=True)
    base.conf.reposdir = list(folders)
    read()


def _require(tree: Any, wanted: set[str], known: set[str]) -> None:
    if not wanted <= known:
        raise ComposeError(
            f"{tree.path} names repositories that no .repo file has: {', '.join(sorted(wanted - known))}",
            hint=f"beside the treefile and on this machine there are: {', '.join(sorted(known)) or 'none'}",
        )
