# SPDX-License-Identifier: GPL-2.0-or-later
"""What the exit status of a command says of the tree that it ran in, as it does in git."""

from __future__ import annotations

from typing import Callable

from ostree_layer.bisection.search import BAD, GOOD, SKIPPED
from ostree_layer.errors import HostError

# What runs the command in a commit and returns its exit status; MachineError where the tree does not boot.
Tester = Callable[[str], int]
# The exit status that says that a tree cannot be tested, and those of a shell for what is not there or no program.
UNTESTABLE, NOT_RUN, LAST = 125, (126, 127), 127


def of(status: int) -> str:
    """The verdict; HostError where there is none."""
    if status > LAST:
        hint = "what was found so far is kept: 'dnf bisect run -- CMD' goes on, 'dnf bisect reset' forgets it"
        raise HostError(f"the command has ended with status {status}, which is no verdict", hint=hint)
    return {0: GOOD, UNTESTABLE: SKIPPED}.get(status, BAD)
