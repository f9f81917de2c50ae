# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF's transaction, before it runs: what the solver may do, whether there is any, and the question to the user."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import dnf.cli
import dnf.i18n
import dnf.subject

from ostree_layer.model import Package


def keep(base: Any, packages: Iterable[Package], but: Iterable[str]) -> None:
    """Forbid the solver to change any of packages, which are installed, but those that `but` names."""
    exempt = {found.name for spec in but for found in dnf.subject.Subject(spec).get_best_query(base.sack)}
    names = {package.name for package in packages} - exempt
    available = base.sack.query().available().filter(name=list(names))
    base.sack.add_excludes(available)


def has_work(base: Any) -> bool:
    """Whether DNF has anything to do in its transaction: packages, groups or modules."""
    history = base._history
    return bool(base.transaction or base._moduleContainer.isChanged() or (history and (history.group or history.env)))


def ask(base: Any, lines: Iterable[str]) -> None:
    """Show lines, and ask whether that is wanted, as DNF does about packages; CliError if not."""
    logging.getLogger("dnf").info("\n".join(lines))
    if base._promptWanted() and (base.conf.assumeno or not base.output.userconfirm()):
        raise dnf.cli.CliError(dnf.i18n._("Operation aborted."))
