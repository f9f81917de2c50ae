# SPDX-License-Identifier: GPL-2.0-or-later
"""Every failure this library reports on purpose."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Sequence


class OstreeLayerError(Exception):
    """One sentence that says what failed, and a hint that says what to do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def sentence(self) -> str:
        """The message with its hint, as a user reads it."""
        return f"{self}\n({self.hint})" if self.hint else str(self)


class HostError(OstreeLayerError):
    """The host or the sysroot is not as the operation needs it."""


class BusyError(HostError):
    """Another process is changing the deployments; later it may be done."""


class MountError(OstreeLayerError):
    """A mount system call failed."""


class CommandError(OstreeLayerError):
    """A child process ended with a status other than 0."""

    def __init__(self, argv: Sequence[str], returncode: int, stderr: str) -> None:
        self.argv, self.returncode, self.stderr = tuple(argv), returncode, stderr
        ending = f"was killed by signal {-returncode}" if returncode < 0 else f"exited with status {returncode}"
        super().__init__(f"{shlex.join(argv)} {ending}" + (f": {stderr}" if stderr else ""))

    def __reduce__(self) -> tuple[type[CommandError], tuple[Sequence[str], int, str]]:
        """How it comes out of another process."""
        return CommandError, (self.argv, self.returncode, self.stderr)


class TransactionFailed(OstreeLayerError):
    """A package or a scriptlet failed in the staged root."""


class BlockedError(OstreeLayerError):
    """Requests do not fit another base; nothing was changed."""


class CommitError(OstreeLayerError):
    """The staged root cannot become a commit."""


class RepoError(OstreeLayerError):
    """A ref, a commit or its metadata is missing or refused."""


class DeployError(OstreeLayerError):
    """libostree refused the deployment; the commit stays, the host is as it was."""


class MachineError(OstreeLayerError):
    """A virtual machine cannot be made, does not start, or does not do what it was asked."""


class UnbootableError(MachineError):
    """A tree has nothing in it that boots."""


class TreefileError(OstreeLayerError):
    """A treefile does not say what a treefile has to say: file and line, key, what is wrong."""


class ComposeError(OstreeLayerError):
    """A tree cannot be composed from what its treefile and the repositories say; the target repository is as it was."""


def nearest(name: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """A hint at what may have been meant."""
    close = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean {close[0]}?" if close else otherwise
