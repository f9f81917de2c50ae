# SPDX-License-Identifier: GPL-2.0-or-later
"""Images that were built on a tree's image: what their own layers change, merged over the tree into a commit."""

from __future__ import annotations

import calendar
import json
import logging
import re
import stat
import tarfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ostree_layer import metadata, repo
from ostree_layer.contents import Contents
from ostree_layer.errors import RepoError
from ostree_layer.oci.form import VERSION
from ostree_layer.oci.importing import members, opened, write_file
from ostree_layer.ostree_gi import Gio, GLib, OSTree, translated

log = logging.getLogger("dnf.plugin")
# Under these names rpm-ostree and bootc find in a commit what image it is made from.
DIGEST, MANIFEST, CONFIG = "ostree.manifest-digest", "ostree.manifest", "ostree.container.image-config"
# A file of this name says that the rest of the name, or all that was in the folder, is gone.
GONE, ALL_GONE = ".wh.", ".wh..wh..opq"
# What a host has of its own.
HOSTS = ("var", "run", "dev", "proc", "sys", "tmp", "sysroot", "boot")
XATTR = "SCHILY.xattr."
LABEL = "security.selinux"
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z")


def made_from(store: OSTree.Repo, checksum: str) -> str:
    """The digest of the image that a commit is made from; empty where it is not said, or the commit is not here."""
    if not repo.has_commit(store, checksum):
        return ""
    found = repo.metadata(repo.load_commit(store, checksum)).get(DIGEST)
    return str(found.unpack()) if found is not None else ""


class Merger:
    """A commit's tree, to be changed by one layer after the other, within a transaction of the caller's."""

    def __init__(self, store: OSTree.Repo, base: str) -> None:
        self._store, self._base = store, base
        with translated(f"reading commit {base}", RepoError):
            self._tree = OSTree.MutableTree.new_from_commit(store, base)
        contents = Contents(store, base)
        self._policy = _policy(store, base) if LABEL.encode() in contents.file(contents.root).xattrs else None
        self._written: set[str] = set()
        self._left_out: set[str] = set()

    def apply(self, kind: str, blob: Any) -> None:
        """Change the tree as a layer of a media type says."""
        self._written = set()
        with translated("merging a layer of the image", RepoError), opened(kind, blob) as tar:
            for info in members(tar):
                path = _place(info.name)
                if not path:
                    continue
                if path[0] in HOSTS:
                    self._left_out.update([path[0]] if not info.isdir() else [])
                    continue
                self._change(path, tar, info)

    def _change(self, path: Sequence[str], tar: tarfile.TarFile, info: tarfile.TarInfo) -> None:
        name = path[-1]
        folder = self._folder(path[:-1])
        if name == ALL_GONE:
            for other in [*folder.get_files(), *folder.get_subdirs()]:
                if "/".join([*path[:-1], other]) not in self._written:
                    folder.remove(other, True)
        elif name.startswith(GONE):
            folder.remove(name[len(GONE) :], True)
        else:
            self._written.update("/".join(path[: length + 1]) for length in range(len(path)))
            self._put(folder, path, tar, info)

    def _put(
        self, folder: OSTree.MutableTree, path: Sequence[str], tar: tarfile.TarFile, info: tarfile.TarInfo
    ) -> None:
        name = path[-1]
        if info.isdir():
            if name in folder.get_files():
                folder.remove(name, False)
            folder.ensure_dir(name)[1].set_metadata_checksum(self._meta(path, info))
            return
        if info.islnk():
            checksum = self._linked(info)
        else:
            checksum = write_file(self._store, None, self._xattrs(path, info), tar, info)
        if name in folder.get_subdirs():
            folder.remove(name, False)
        folder.replace_file(name, checksum)

    def _folder(self, path: Sequence[str]) -> OSTree.MutableTree:
        """The folder at path; where the layer does not say what it is like, it is like any."""
        found = self._tree
        for length, name in enumerate(path, 1):
            if name in found.get_files():
                raise RepoError(f"the image has something below /{'/'.join(path[:length])}, which is no folder")
            is_new = name not in found.get_subdirs()
            found = found.ensure_dir(name)[1]
            if is_new:
                plain = tarfile.TarInfo()
                plain.mode = 0o755
                found.set_metadata_checksum(self._meta(path[:length], plain))
        return found

    def _linked(self, info: tarfile.TarInfo) -> str:
        """The object of the file that a hard link is to."""
        path = _place(info.linkname)
        found = self._folder(path[:-1]).get_files().get(path[-1]) if path else None
        if found is None:
            raise RepoError(f"the image has /{info.name} as a link to /{info.linkname}, which is no file of the tree")
        return str(found)

    def _meta(self, path: Sequence[str], info: tarfile.TarInfo) -> str:
        status = Gio.FileInfo.new()
        for name, value in (("uid", info.uid), ("gid", info.gid), ("mode", stat.S_IFDIR | stat.S_IMODE(info.mode))):
            status.set_attribute_uint32(f"unix::{name}", value)
        value = OSTree.create_directory_metadata(status, self._xattrs(path, info, stat.S_IFDIR))
        return bytes(self._store.write_metadata(OSTree.ObjectType.DIR_META, None, value, None)[1]).hex()

    def _xattrs(self, path: Sequence[str], info: tarfile.TarInfo, kind: int = 0) -> GLib.Variant:
        """Those that the layer has, and the label by the policy of the tree."""
        found = {
            name[len(XATTR) :]: value.encode("utf-8", "surrogateescape")
            for name, value in info.pax_headers.items()
            if name.startswith(XATTR) and name != XATTR + LABEL
        }
        if self._policy is not None:
            mode = stat.S_IMODE(info.mode) | (kind or (stat.S_IFLNK if info.issym() else stat.S_IFREG))
            seen = path[1:] if list(path[:2]) == ["usr", "etc"] else path
            label = self._policy.get_label("/" + "/".join(seen), mode, None)[1]
            if label:
                found[LABEL] = label.encode() + b"\0"
        pairs = [([*name.encode(), 0], list(value)) for name, value in sorted(found.items())]
        return GLib.Variant("a(ayay)", pairs)

    def commit(self, digest: str, manifest: Mapping[str, Any], config: Mapping[str, Any]) -> str:
        """The commit of the changed tree, the same for the same image."""
        if self._left_out:
            names = ", ".join(f"/{name}" for name in sorted(self._left_out))
            log.warning("Not taken from the image: what it has in %s, which belongs to hosts.", names)
        base = repo.load_commit(self._store, self._base)
        values = {key: value for key, value in repo.metadata(base).items() if key in metadata.CARRIED}
        labels = (config.get("config") or {}).get("Labels") or {}
        texts = {DIGEST: digest, MANIFEST: _text(manifest), CONFIG: _text(config)}
        if VERSION in labels:
            texts["version"] = labels[VERSION]
        values.update({key: GLib.Variant("s", text) for key, text in texts.items()})
        found = TIME.fullmatch(str(config.get("created")))
        moment = calendar.timegm(time.strptime(found[1], "%Y-%m-%dT%H:%M:%S")) if found else repo.timestamp(base)
        with translated("committing the tree of the image", RepoError):
            root = self._store.write_mtree(self._tree, None)[1]
            made = self._store.write_commit_with_time(
                self._base, None, None, GLib.Variant("a{sv}", values), root, moment, None
            )
        return str(made[1])


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True)


def _place(name: str) -> list[str]:
    """Where a tree has what a container has under a name; RepoError for a name that leads out of it."""
    path = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in path:
        raise RepoError(f"the image has a file {name}, which is outside of it")
    return ["usr", *path] if path[:1] == ["etc"] else path


def _policy(store: OSTree.Repo, base: str) -> Any:
    with translated(f"reading the SELinux policy of commit {base}", RepoError):
        return OSTree.SePolicy.new_from_commit(store, base, None)
