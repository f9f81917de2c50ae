# SPDX-License-Identifier: GPL-2.0-or-later
"""A deployment's origin: where its tree comes from."""

from __future__ import annotations

from ostree_layer import rpm_ostree
from ostree_layer.ostree_gi import GLib, OSTree
from ostree_layer.rpm_ostree import Layer

GROUP = "origin"
TRANSIENT = "libostree-transient"
# Never together with a refspec.
CONTAINER = "container-image-reference"


def refspec(deployment: OSTree.Deployment) -> str:
    """The refspec of the deployment's tree, or of its base commit; empty where there is none."""
    keyfile = deployment.get_origin()
    return "" if keyfile is None else refspec_in(keyfile)


def refspec_in(keyfile: GLib.KeyFile) -> str:
    """The same, of an origin's text."""
    for key in ("refspec", "baserefspec"):
        if keyfile.has_group(GROUP) and key in keyfile.get_keys(GROUP)[0]:
            return str(keyfile.get_string(GROUP, key))
    return ""


def of_local_tree(deployment: OSTree.Deployment, layer: Layer | None = None) -> GLib.KeyFile:
    """The origin of a local tree made from deployment's, with what `layer` says of it, if anything.

    It says `baserefspec`: with `refspec`, `ostree admin upgrade` would replace the user's packages unasked.
    """
    keyfile = GLib.KeyFile()
    former = deployment.get_origin()
    if former is not None:
        text = former.to_data()[0].encode()
        keyfile.load_from_bytes(GLib.Bytes.new(text), GLib.KeyFileFlags.KEEP_COMMENTS)
    base = refspec(deployment)
    for group in (TRANSIENT, *rpm_ostree.GROUPS):
        if keyfile.has_group(group):
            keyfile.remove_group(group)
    if base:
        keyfile.set_string(GROUP, "baserefspec", base)
        for key in {"refspec", CONTAINER} & set(keyfile.get_keys(GROUP)[0]):
            keyfile.remove_key(GROUP, key)
    for (group, key), values in rpm_ostree.origin_of(layer or Layer()).items():
        keyfile.set_string_list(group, key, values)
    return keyfile
