# SPDX-License-Identifier: GPL-2.0-or-later
"""Turn a commit into the deployment that boots next."""

from __future__ import annotations

from ostree_layer.errors import DeployError
from ostree_layer.failpoint import failpoint
from ostree_layer.ostree_gi import GLib, OSTree, translated

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
