# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects out of the layers of an image, into a repository: none is taken that is not what its name says."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import re
import stat
import tarfile
import zlib
from collections.abc import Iterator
from typing import Any, Callable, NamedTuple, cast

from ostree_layer.errors import RepoError
from ostree_layer.oci.form import REPO
from ostree_layer.ostree_gi import GLib, OSTree, translated

OBJECT = re.compile(rf"(?:\./)?{REPO}/objects/([0-9a-f]{{2}})/([0-9a-f]{{62}})\.([a-z-]+)")
# As libostree has it; a file system allows less of extended attributes.
METADATA, XATTRS = 128 << 20, 1 << 20
SMALL = 1 << 17
BLOCK = 1 << 20
PLAIN_LAYERS = ("application/vnd.oci.image.layer.v1.tar", "application/vnd.docker.image.rootfs.diff.tar")
# Of a metadata object: its type in the repository, that of its value, and what it has to pass.
KINDS: dict[str, tuple[OSTree.ObjectType, str, Callable[[GLib.Variant], Any]]] = {
    "commit": (OSTree.ObjectType.COMMIT, "(a{sv}aya(say)sstayay)", OSTree.validate_structureof_commit),
    "dirtree": (OSTree.ObjectType.DIR_TREE, "(a(say)a(sayay))", OSTree.validate_structureof_dirtree),
    "dirmeta": (OSTree.ObjectType.DIR_META, "(uuua(ayay))", OSTree.validate_structureof_dirmeta),
}


class Name(NamedTuple):
    """An object by its place in a repository."""

    checksum: str
    kind: str


@contextlib.contextmanager
def opened(kind: str, blob: Any) -> Iterator[tarfile.TarFile]:
    """For the body, the layer of a media type, read as it comes; RepoError where it is damaged or ends too early."""
    if "zstd" in kind:
        hint = "'skopeo copy --dest-compress-format=gzip' makes an image that can be read"
        raise RepoError("the layers of the image are compressed by zstd, which is not known here", hint=hint)
    unpacked = blob if kind in PLAIN_LAYERS else gzip.GzipFile(fileobj=blob, mode="rb")
    try:
        with tarfile.open(fileobj=unpacked, mode="r|") as tar:
            yield tar
    except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile) as e:
        raise RepoError(f"a layer of the image is damaged: {e}") from e


def members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """What is in a layer."""
    for info in tar:
        yield info
        cast(Any, tar).members = []  # or it would remember all of them


class Importer:
    """Writes objects into a repository, within a transaction of the caller's.

    `commit` is the commit that was met, once there was one; `written` counts the file objects.
    """

    def __init__(self, store: OSTree.Repo) -> None:
        self._store = store
        self._attributes: dict[str, GLib.Variant] = {}
        self._next = Name("", "")
        self.commit = ""
        self.written = 0

    def layer(self, kind: str, blob: Any) -> None:
        """Take what a layer has for a repository; what else is in it are links to that."""
        with opened(kind, blob) as tar:
            for info in members(tar):
                found = OBJECT.fullmatch(info.name)
                if found is not None and not info.isdir():
                    self._take(Name(found[1] + found[2], found[3]), tar, info)

    def _take(self, name: Name, tar: tarfile.TarFile, info: tarfile.TarInfo) -> None:
        if name.kind in KINDS:
            self._metadata(name, _content(tar, info, METADATA))
        elif name.kind == "commitmeta":
            self._beside(name.checksum, _content(tar, info, METADATA))
        elif name.kind == "file-xattrs":
            self._learn(_content(tar, info, XATTRS))
        elif name.kind == "file-xattrs-link":
            self._next = Name(name.checksum, self._linked(tar, info))
        elif name.kind == "file":
            self._file(name.checksum, tar, info)
        else:
            raise RepoError(f"the image has an object {name.checksum}.{name.kind}, and there is no such kind")

    def _metadata(self, name: Name, data: bytes) -> None:
        kind, form, validate = KINDS[name.kind]
        value = _variant(form, data)
        with translated(f"taking object {name.checksum}.{name.kind} from the image", RepoError):
            validate(value)
            if name.kind == "commit":
                if self.commit not in ("", name.checksum):
                    raise RepoError(f"the image has two commits: {self.commit} and {name.checksum}")
                self.commit = name.checksum
                # Until all of it is here it is one of which a part was pulled.
                if not self._store.has_object(kind, name.checksum, None)[1]:
                    self._store.mark_commit_partial(name.checksum, True)
            self._store.write_metadata(kind, name.checksum, value, None)

    def _beside(self, checksum: str, data: bytes) -> None:
        """Signatures, which are worth what the keys are."""
        with translated(f"taking the signatures of commit {checksum} from the image", RepoError):
            self._store.write_commit_detached_metadata(checksum, _variant("a{sv}", data), None)

    def _learn(self, data: bytes) -> str:
        """Extended attributes, by their digest."""
        digest = hashlib.sha256(data).hexdigest()
        self._attributes[digest] = _variant("a(ayay)", data)
        return digest

    def _linked(self, tar: tarfile.TarFile, info: tarfile.TarInfo) -> str:
        if info.isreg():  # where there would be too many links
            return self._learn(_content(tar, info, XATTRS))
        found = OBJECT.fullmatch(info.linkname)
        return found[1] + found[2] if found else ""

    def _file(self, checksum: str, tar: tarfile.TarFile, info: tarfile.TarInfo) -> None:
        xattrs = self._attributes.get(self._next.kind)
        if self._next.checksum != checksum or xattrs is None:
            raise RepoError(f"the image does not say which extended attributes object {checksum} has")
        if self._store.has_object(OSTree.ObjectType.FILE, checksum, None)[1]:
            return
        write_file(self._store, checksum, xattrs, tar, info)
        self.written += 1


def write_file(
    store: OSTree.Repo, checksum: str | None, xattrs: GLib.Variant, tar: tarfile.TarFile, info: tarfile.TarInfo
) -> str:
    """Write a file or a symbolic link as an object, which is to have the checksum, and return that."""
    where = f"taking object {checksum}" if checksum else f"taking /{info.name}"
    with translated(f"{where} from the image", RepoError):
        if info.issym():
            return str(store.write_symlink(checksum, info.uid, info.gid, xattrs, info.linkname, None))
        source = tar.extractfile(info) if info.isreg() else None
        if source is None:
            raise RepoError(f"{where} from the image: it is neither a file nor a symbolic link")
        mode = stat.S_IFREG | stat.S_IMODE(info.mode)
        if info.size <= SMALL:
            data = source.read()
            return str(store.write_regfile_inline(checksum, info.uid, info.gid, mode, xattrs, data, None))
        writer = store.write_regfile(checksum, info.uid, info.gid, mode, info.size, xattrs)
        while block := source.read(BLOCK):
            writer.write_all(block, None)
        return str(writer.finish(None))


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo, limit: int) -> bytes:
    source = tar.extractfile(info) if info.isreg() and info.size <= limit else None
    if source is None:
        raise RepoError(f"the image has something of {info.size} bytes as {info.name}, which cannot be that")
    return source.read()


def _variant(form: str, data: bytes) -> GLib.Variant:
    """A value from bytes that somebody else wrote."""
    found = GLib.Variant.new_from_bytes(GLib.VariantType(form), GLib.Bytes.new(data), False)
    if not found.is_normal_form():
        raise RepoError("the image has an object that cannot be read")
    return found
