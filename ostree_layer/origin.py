# SPDX-License-Identifier: GPL-2.0-or-later
"""A deployment's origin: where its tree comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ostree_layer import rpm_ostree
from ostree_layer.errors import HostError
from ostree_layer.model import Destination
from ostree_layer.oci import reference
from ostree_layer.ostree_gi import GLib, OSTree, translated
from ostree_layer.rpm_ostree import Layer

GROUP = "origin"
# What is said of one deployment alone, such as libostree's pin: no deployment made from it gets this group.
TRANSIENT = "libostree-transient"
# The next upgrade does not heed it: rpm-ostree's word for the same.
OVERRIDE = "override-commit"
# Which refspec a deployment would follow that is pinned to a commit.
OURS, FOLLOWED = "ostree-layer", "followed"
CHECKSUM = re.compile(r"[0-9a-f]{64}")
LABEL = "ostree-layer.label"
# libostree's word of a deployment whose /usr has an overlay, which goes with it.
UNLOCKED = "unlocked"
# Never together with a refspec.
CONTAINER = "container-image-reference"


def refspec(deployment: OSTree.Deployment) -> str:
    """The refspec of the deployment's tree, or of its base commit; empty where there is none."""
    keyfile = deployment.get_origin()
    return "" if keyfile is None else refspec_in(keyfile)


def refspec_in(keyfile: GLib.KeyFile) -> str:
    """The same, of an origin's text; of a tree that came as an image it is what a user calls the image."""
    image = _value(keyfile, GROUP, CONTAINER)
    named = _value(keyfile, GROUP, "refspec") or _value(keyfile, GROUP, "baserefspec")
    return named or reference.followed(image)


def remote(deployment: OSTree.Deployment) -> str:
    """The remote whose keys sign the deployment's tree, whether it is there or not; empty for none."""
    followed = refspec(deployment)
    return reference.parse(followed).remote if reference.is_image(followed) else followed.rpartition(":")[0]


def following(deployment: OSTree.Deployment) -> str:
    """The refspec whose next commit is the deployment's next base; empty where there is none."""
    return followed_before(deployment) or refspec(deployment)


def followed_before(deployment: OSTree.Deployment) -> str:
    """The refspec that was followed before the deployment was pinned to a commit; empty where it is not."""
    return _value(deployment.get_origin(), OURS, FOLLOWED)


def is_pinned(deployment: OSTree.Deployment) -> bool:
    """Whether the deployment stays at its commit until somebody says otherwise."""
    return bool(CHECKSUM.fullmatch(refspec(deployment)))


def is_override(deployment: OSTree.Deployment) -> bool:
    """Whether the deployment stays at its base commit until the next upgrade."""
    return bool(override(deployment))


def override(deployment: OSTree.Deployment) -> str:
    """The commit that the deployment stays at until the next upgrade; empty where it follows its refspec."""
    return _value(deployment.get_origin(), GROUP, OVERRIDE)


def strays(deployment: OSTree.Deployment) -> bool:
    """Whether its base is one that the user named, whatever the ref says that it follows."""
    return is_pinned(deployment) or is_override(deployment)


def here(start: OSTree.Deployment, base: str) -> Destination:
    """The base that a deployment has, followed as it is."""
    pinned, override = is_pinned(start), is_override(start)
    return Destination(base, following(start), is_pinned=pinned, is_override=override)


def of_tree(
    deployment: OSTree.Deployment, destination: Destination | None, layer: Layer | None = None, *, is_local: bool
) -> GLib.KeyFile:
    """The origin of a tree made from deployment's, or of a destination, where it has gone to one; with what `layer`
    says of it, if anything.

    That of a local tree says `baserefspec`: with `refspec`, `ostree admin upgrade` would replace the user's packages
    unasked.
    """
    keyfile = _copy(deployment)
    for group in (TRANSIENT, *rpm_ostree.GROUPS):
        if keyfile.has_group(group):
            keyfile.remove_group(group)
    _set(keyfile, GROUP, UNLOCKED, "")
    followed = refspec(deployment)
    if destination is not None:
        followed = destination.checksum if destination.is_pinned else destination.refspec
        _set(keyfile, GROUP, OVERRIDE, destination.checksum if destination.is_override else "")
        _set(keyfile, OURS, FOLLOWED, destination.refspec if destination.is_pinned else "")
    image = reference.parse(followed).in_origin if reference.is_image(followed) else ""
    _set(keyfile, GROUP, "baserefspec", followed if is_local and not image else "")
    _set(keyfile, GROUP, "refspec", "" if is_local or image else followed)
    if followed:
        _set(keyfile, GROUP, CONTAINER, image)
    for (group, key), values in rpm_ostree.origin_of(layer or Layer()).items():
        keyfile.set_string_list(group, key, values)
    return keyfile


def _set(keyfile: GLib.KeyFile, group: str, key: str, value: str) -> None:
    """Set the key, or take it away."""
    if value:
        keyfile.set_string(group, key, value)
    elif keyfile.has_group(group) and key in keyfile.get_keys(group)[0]:
        keyfile.remove_key(group, key)


def _value(keyfile: GLib.KeyFile | None, group: str, key: str) -> str:
    found = keyfile is not None and keyfile.has_group(group) and key in keyfile.get_keys(group)[0]
    return str(keyfile.get_string(group, key)) if keyfile is not None and found else ""


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
