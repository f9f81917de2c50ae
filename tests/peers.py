# SPDX-License-Identifier: GPL-2.0-or-later
"""What rpm-ostree and bootc take from a commit and an origin, with the assertions that would end them."""

from __future__ import annotations

import dataclasses
import hashlib
import struct
from pathlib import Path
from typing import Any

from ostree_layer import repo
from ostree_layer.ostree_gi import GLib, OSTree, gfile
from tests.sysroots import STATEROOT, Host, ostree

# From which version of a layered commit on rpm-ostree insists on the key, and its type.
REQUIRED = {
    "rpmostree.packages": (1, "as"),
    "rpmostree.removed-base-packages": (2, "av"),
    "rpmostree.replaced-base-packages": (2, "a(vv)"),
    "rpmostree.modules": (5, "as"),
    "rpmostree.replaced-base-remote-packages": (6, "a{sv}"),
    "rpmostree.state-sha512": (0, "s"),
}
CLIENT = {"rpmostree.clientlayer", "rpmostree.clientlayer_version", "rpmostree.spec", *REQUIRED}
BOOTC_LEAVES_ALONE = {"rpmostree", "packages", "overrides", "modules"}


@dataclasses.dataclass(frozen=True)
class Layered:
    """A commit as rpm-ostree sees it."""

    base: str
    packages: list[str]
    removed: list[Any]
    replaced: list[Any]


def open_store(host: Host) -> OSTree.Repo:
    store = OSTree.Repo.new(gfile(host.sysroot / "ostree/repo"))
    store.open(None)
    return store


def newest(host: Host) -> str:
    return host.deployments()[0].partition(".")[0]


def layered(host: Host) -> Layered | None:
    """The commit that boots next, None for one without layers; AssertionError where rpm-ostree's daemon would end."""
    store = open_store(host)
    commit = repo.load_commit(store, newest(host))
    values = repo.metadata(commit)
    if "rpmostree.clientlayer" not in values:
        assert not CLIENT & values.keys()
        return None
    assert values["rpmostree.clientlayer"].get_boolean()
    assert values["rpmostree.clientlayer_version"].get_type_string() == "u"
    version = values["rpmostree.clientlayer_version"].get_uint32()
    for key, (since, kind) in REQUIRED.items():
        assert version < since or values[key].get_type_string() == kind, key
    assert len(values["rpmostree.state-sha512"].get_string()) == 128
    base = OSTree.commit_get_parent(commit)
    assert base is not None
    assert "rpmostree.clientlayer" not in repo.metadata(repo.load_commit(store, base))
    entries = [values[f"rpmostree.{name}"] for name in ("removed-base-packages", "replaced-base-packages")]
    nevras = [entries[0].get_child_value(n).get_variant() for n in range(entries[0].n_children())]
    for n in range(entries[1].n_children()):
        nevras += [entries[1].get_child_value(n).get_child_value(side).get_variant() for side in (0, 1)]
    assert {nevra.get_type_string() for nevra in nevras} <= {"(sstsss)"}
    return Layered(base, values["rpmostree.packages"].unpack(), entries[0].unpack(), entries[1].unpack())


def origin_path(host: Host) -> Path:
    return host.sysroot / f"ostree/deploy/{STATEROOT}/deploy/{host.deployments()[0]}.origin"


def origin(host: Host) -> dict[str, dict[str, str]]:
    """The origin of what boots next, as rpm-ostree reads it: it refuses one without a base, and one with two."""
    keyfile = GLib.KeyFile()
    keyfile.load_from_file(str(origin_path(host)), GLib.KeyFileFlags.NONE)
    found = {
        group: {key: keyfile.get_value(group, key) for key in keyfile.get_keys(group)[0]}
        for group in keyfile.get_groups()[0]
    }
    keys = found["origin"].keys()
    assert bool({"refspec", "baserefspec"} & keys) != ("container-image-reference" in keys)
    assert not {"refspec", "baserefspec"} <= keys
    local = [found.get("packages", {}).get("requested-local"), found.get("overrides", {}).get("replace-local")]
    for entry in (entry for text in local if text for entry in text.rstrip(";").split(";")):
        assert len(entry) > 65 and entry[64] == ":" and set(entry[:64]) <= set("0123456789abcdef")
    return found


def header_digest(file: Path) -> str:
    """The sha256 of lead, signature and header of an RPM file, as rpm-ostree's importer counts them."""
    content = file.read_bytes()
    end = _end_of_header(content, 96)
    return hashlib.sha256(content[: _end_of_header(content, end + -end % 8)]).hexdigest()


def _end_of_header(content: bytes, start: int) -> int:
    entries, size = struct.unpack_from(">II", content, start + 8)
    return int(start + 16 + 16 * entries + size)


def deploy_as_rpm_ostree(host: Host, keys: dict[str, str], keyfile: str) -> str:
    """Deploy the tree that boots next once more, as rpm-ostree would have made it; return the new commit.

    `keys` has GVariant text; the parent is the commit of the ref that the host was installed from.
    """
    base = ostree("rev-parse", host.repo, "toy/1/base").strip()
    metadata = [f"--add-metadata={key}={value}" for key, value in keys.items()]
    ours = newest(host)
    argv = [f"--tree=ref={ours}", "--orphan", f"--parent={base}", *metadata]
    checksum = ostree("commit", host.repo, "--add-metadata-string=version=1.0", *argv).strip()
    ostree("admin", "deploy", f"--sysroot={host.sysroot}", f"--os={STATEROOT}", checksum)
    origin_path(host).write_text(keyfile)
    ostree("refs", host.repo, "--delete", "ostree-layer")
    return checksum
