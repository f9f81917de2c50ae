# SPDX-License-Identifier: GPL-2.0-or-later
"""Turn a commit into the deployment that boots next."""

from __future__ import annotations

import logging
import sys

from ostree_layer import process
from ostree_layer.errors import DeployError
from ostree_layer.failpoint import failpoint
from ostree_layer.model import Target
from ostree_layer.ostree_gi import GLib, OSTree, translated

log = logging.getLogger(__name__)
Flags = OSTree.SysrootSimpleWriteDeploymentFlags


def deploy(sysroot: OSTree.Sysroot, stateroot: str, checksum: str, origin: GLib.KeyFile, *, staged: bool) -> None:
    """Deploy checksum in stateroot, /etc merged from the deployment that has the user's.

    A staged deployment is finalized when the host shuts down, so that edits of /etc until then still count.
    """
    merge = sysroot.get_merge_deployment(stateroot)
    with translated(f"deploying {checksum}", DeployError, hint="the host is as it was"):
        if staged:
            sysroot.stage_tree(stateroot, checksum, origin, merge, None, None)
            return
        new = sysroot.deploy_tree(stateroot, checksum, origin, merge, None, None)[1]
        failpoint("deploy::before-write")
        # What the new list makes superfluous is removed by the clean-up, for which nobody waits.
        sysroot.simple_write_deployment(stateroot, new, merge, Flags.NO_CLEAN, None)


def clean_up_later(target: Target) -> None:
    """Start removing what is superfluous now, in a process of its own, which waits for the sysroot lock by itself."""
    try:
        process.start_detached([sys.executable, "-m", "ostree_layer.cleaner", target.sysroot])
    except OSError as e:
        # The deployment stands, and the next one's clean-up does this one's work.
        log.warning("the clean-up could not be started: %s", e)
