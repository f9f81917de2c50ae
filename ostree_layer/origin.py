# SPDX-License-Identifier: GPL-2.0-or-later
"""A deployment's origin: where its tree comes from."""

from __future__ import annotations

from collections.abc import Mapping

from ostree_layer.errors import HostError
from ostree_layer.ostree_gi import GLib, OSTree, translated

GROUP = "origin"
# What is said of one deployment alone, such as libostree's pin: no deployment made from it gets this group.
TRANSIENT = "libostree-transient"
LABEL = "ostree-layer.label"


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
    keyfile = _copy(deployment)
    base = refspec(deployment)
    if keyfile.has_group(TRANSIENT):
        keyfile.remove_group(TRANSIENT)
    if base:
        keyfile.set_string(GROUP, "baserefspec", base)
        if "refspec" in keyfile.get_keys(GROUP)[0]:
            keyfile.remove_key(GROUP, "refspec")
    return keyfile


def label(deployment: OSTree.Deployment) -> str:
    """What the user calls the deployment; empty where they gave it no label."""
    return own(deployment).get(LABEL, "")


def own(deployment: OSTree.Deployment) -> dict[str, str]:
    """What is said of this deployment alone."""
    keyfile = deployment.get_origin()
    if keyfile is None or not keyfile.has_group(TRANSIENT):
        return {}
    return {key: str(keyfile.get_string(TRANSIENT, key)) for key in keyfile.get_keys(TRANSIENT)[0]}


def write_own(locked: OSTree.Sysroot, deployment: OSTree.Deployment, values: Mapping[str, str]) -> None:
    """Say it of this deployment alone, at once; an empty value takes a key away."""
    keyfile = _copy(deployment)
    for key in values.keys() & own(deployment).keys():
        keyfile.remove_key(TRANSIENT, key)
    for key, value in values.items():
        if value:
            keyfile.set_string(TRANSIENT, key, value)
    with translated(f"writing the origin of deployment {deployment.get_csum()[:12]}", HostError):
        locked.write_origin_file(deployment, keyfile, None)
    deployment.set_origin(keyfile)


def _copy(deployment: OSTree.Deployment) -> GLib.KeyFile:
    keyfile = GLib.KeyFile()
    former = deployment.get_origin()
    if former is not None:
        text = former.to_data()[0].encode()
        keyfile.load_from_bytes(GLib.Bytes.new(text), GLib.KeyFileFlags.KEEP_COMMENTS)
    return keyfile
