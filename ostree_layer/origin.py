# SPDX-License-Identifier: GPL-2.0-or-later
"""A deployment's origin: where its tree comes from."""

from __future__ import annotations

from ostree_layer.ostree_gi import GLib, OSTree

GROUP = "origin"
TRANSIENT = "libostree-transient"


def refspec(deployment: OSTree.Deployment) -> str:
    """The refspec of the deployment's tree, or of its base commit; empty where there is none."""
    keyfile = deployment.get_origin()
    for key in ("refspec", "baserefspec"):
        if keyfile is not None and keyfile.has_group(GROUP) and key in keyfile.get_keys(GROUP)[0]:
            return str(keyfile.get_string(GROUP, key))
    return ""


def of_local_tree(deployment: OSTree.Deployment) -> GLib.KeyFile:
    """The origin of a local tree made from deployment's.

    It says `baserefspec`: with `refspec`, `ostree admin upgrade` would replace the user's packages unasked.
    """
    keyfile = GLib.KeyFile()
    former = deployment.get_origin()
    if former is not None:
        text = former.to_data()[0].encode()
        keyfile.load_from_bytes(GLib.Bytes.new(text), GLib.KeyFileFlags.KEEP_COMMENTS)
    base = refspec(deployment)
    if keyfile.has_group(TRANSIENT):
        keyfile.remove_group(TRANSIENT)
    if base:
        keyfile.set_string(GROUP, "baserefspec", base)
        if "refspec" in keyfile.get_keys(GROUP)[0]:
            keyfile.remove_key(GROUP, "refspec")
    return keyfile
