# SPDX-License-Identifier: GPL-2.0-or-later
"""What there is to say of a composed tree: lines for people, JSON and lockfiles for programs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ostree_layer import diff, repo
from ostree_layer.compose import lockfile, record
from ostree_layer.compose.lockfile import Lock
from ostree_layer.compose.order import Outcome
from ostree_layer.ostree_gi import OSTree


def lines(outcome: Outcome) -> Iterator[str]:
    """What a user reads when a tree is done."""
    composed, version = outcome.composed, f" ({outcome.version})" if outcome.version else ""
    if composed is None:
        yield f"{outcome.ref}: nothing changed since {outcome.checksum[:12]}{version}."
        return
    if composed.former is not None:
        changed = list(diff.render(composed.changes))
        yield "Since the commit before:" if changed else "Its packages are those of the commit before."
        yield from (f"  {line}" for line in changed)
    count = len(composed.packages)
    yield f"{outcome.ref}: commit {outcome.checksum[:12]}{version}, {count} {'package' if count == 1 else 'packages'}."


def locks(outcome: Outcome) -> str:
    """The lockfile of the packages that were taken."""
    return lockfile.render(Lock(package.name, package.evra, package.digest) for package in outcome.coming)


def as_json(target: OSTree.Repo, outcome: Outcome) -> str:
    """What rpm-ostree writes of a commit, in its words."""
    commit = repo.load_commit(target, outcome.checksum)
    values: dict[str, Any] = {
        "ref": outcome.ref,
        "ostree-commit": outcome.checksum,
        "ostree-content-checksum": outcome.content,
        "ostree-version": outcome.version,
        "ostree-timestamp": repo.time_of(commit),
        "rpm-ostree-inputhash": record.inputs_of(commit),
    }
    if outcome.parent:
        values["ostree-parent-commit"] = outcome.parent
        values["ostree-parent-version"] = repo.version(repo.load_commit(target, outcome.parent))
    if outcome.composed is not None and outcome.composed.former is not None:
        values["pkgdiff"] = [list(row) for row in outcome.composed.changes.rows()]
    return json.dumps(values, indent=2) + "\n"


def write(where: Path, outcome: Outcome, opts: argparse.Namespace) -> None:
    """Write the files that the user wants of it; it is in the repository at `where`."""
    if opts.write_composejson_to:
        Path(opts.write_composejson_to).write_text(as_json(repo.open_repo(where), outcome))
    if opts.write_commitid_to:
        Path(opts.write_commitid_to).write_text(outcome.checksum + "\n")
    if opts.write_lockfile_to:
        Path(opts.write_lockfile_to).write_text(locks(outcome))
    if opts.touch_if_changed and outcome.is_new:
        Path(opts.touch_if_changed).touch()
