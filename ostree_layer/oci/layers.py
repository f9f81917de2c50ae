# SPDX-License-Identifier: GPL-2.0-or-later
"""The tar streams of a commit: its objects as a repository would have them, and links to them where the tree has files.

That is version 1 of the format of ostree's containers, whose repository mode is bare-split-xattrs.
"""

from __future__ import annotations

import hashlib
import stat
import tarfile
from collections.abc import Iterable

from ostree_layer.contents import Contents, Entry, File
from ostree_layer.errors import RepoError
from ostree_layer.oci.chunks import Chunk
from ostree_layer.oci.form import REPO
from ostree_layer.oci.layout import LayerFile
from ostree_layer.ostree_gi import OSTree, translated

CONFIG = b"[core]\nrepo_version=1\nmode=bare-split-xattrs\n"
FOLDERS = (
    f"sysroot sysroot/ostree {REPO} {REPO}/objects".split(),
    [f"{REPO}/objects/{number:02x}" for number in range(256)],
    [f"{REPO}/{name}" for name in "extensions refs refs/heads refs/mirrors refs/remotes state tmp tmp/cache".split()],
)
ETC = "usr/etc"


def object_path(checksum: str, kind: str) -> str:
    return f"{REPO}/objects/{checksum[:2]}/{checksum[2:]}.{kind}"


class LayerWriter:
    """Writes a layer of a commit."""

    def __init__(self, store: OSTree.Repo, contents: Contents, out: LayerFile) -> None:
        self._store, self._contents, self._out = store, contents, out
        self._known: set[str] = set()

    def commit(self, checksum: str) -> None:
        """The layer with what a commit is but its files: the first one."""
        root = self._contents.root
        self._folder("./", self._contents.file(root))
        self._repository()
        self._metadata(OSTree.ObjectType.COMMIT, checksum, "commit")
        with translated(f"reading what is beside commit {checksum}", RepoError):
            beside = self._store.read_commit_detached_metadata(checksum, None)[1]
        if beside is not None:
            self._file(object_path(checksum, "commitmeta"), beside.get_data_as_bytes().get_data() or b"")
        self._directory(root)
        met = self._contents.walk(root)
        paths = set()
        for path, entry in met:
            if entry.is_directory:
                paths.add(path)
                self._directory(entry)
                if path != "/sysroot":  # it is there already, and nothing may be there twice
                    self._folder(_shown(path[1:]), self._contents.file(entry))
        if "/var/tmp" not in paths:
            self._folder("var/tmp", File(0o1777, 0, 0))
        self._end()

    def chunk(self, chunk: Chunk) -> None:
        """A layer of files."""
        self._repository()
        for checksum, paths in sorted(chunk.objects.items(), key=lambda item: item[1][0]):
            self._object(checksum, paths)
        self._end()

    def _repository(self) -> None:
        for name in (name for names in FOLDERS for name in names):
            self._folder(name, File(0o755, 0, 0))
        self._file(f"{REPO}/config", CONFIG)

    def _directory(self, entry: Entry) -> None:
        self._metadata(OSTree.ObjectType.DIR_META, entry.meta, "dirmeta")
        self._metadata(OSTree.ObjectType.DIR_TREE, entry.contents, "dirtree")

    def _metadata(self, kind: OSTree.ObjectType, checksum: str, suffix: str) -> None:
        path = object_path(checksum, suffix)
        if path in self._known:
            return
        self._known.add(path)
        with translated(f"reading object {checksum}", RepoError):
            value = self._store.load_variant(kind, checksum)[1]
        self._file(path, value.get_data_as_bytes().get_data() or b"")

    def _object(self, checksum: str, paths: Iterable[str]) -> None:
        file = self._contents.file(Entry(checksum))
        self._xattrs(checksum, file.xattrs)
        path = object_path(checksum, "file")
        if stat.S_ISLNK(file.mode):
            self._header(_info(path, tarfile.SYMTYPE, file, linkname=file.target))
        else:
            self._header(_info(path, tarfile.REGTYPE, file, size=file.size))
            for block in file.blocks():
                self._out.write(block)
            self._pad(file.size)
        # As links of empty files are easily taken for files of their own.
        is_empty = stat.S_ISREG(file.mode) and not file.size
        for name in paths:
            kind = tarfile.REGTYPE if is_empty else tarfile.LNKTYPE
            self._header(_info(_shown(name), kind, file, linkname="" if is_empty else path))

    def _xattrs(self, checksum: str, xattrs: bytes) -> None:
        """What a file object has of them: a link to the one that all with the same have. It comes before the file."""
        path = object_path(hashlib.sha256(xattrs).hexdigest(), "file-xattrs")
        if path not in self._known:
            self._known.add(path)
            self._file(path, xattrs)
        self._header(_info(object_path(checksum, "file-xattrs-link"), tarfile.LNKTYPE, PLAIN, linkname=path))

    def _folder(self, path: str, file: File) -> None:
        self._header(_info(path, tarfile.DIRTYPE, file))

    def _file(self, path: str, content: bytes) -> None:
        self._header(_info(path, tarfile.REGTYPE, PLAIN, size=len(content)))
        self._out.write(content)
        self._pad(len(content))

    def _header(self, info: tarfile.TarInfo) -> None:
        self._out.write(info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"))

    def _pad(self, size: int) -> None:
        self._out.write(bytes(-size % tarfile.BLOCKSIZE))

    def _end(self) -> None:
        self._out.write(bytes(2 * tarfile.BLOCKSIZE))


PLAIN = File(0o644, 0, 0)


def _info(path: str, kind: bytes, file: File, *, size: int = 0, linkname: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.type, info.size, info.linkname = kind, size, linkname
    info.uid, info.gid, info.mode = file.uid, file.gid, stat.S_IMODE(file.mode)
    return info


def _shown(path: str) -> str:
    """Where a container has what is at path in a tree."""
    return path[len("usr/") :] if f"{path}/".startswith(f"{ETC}/") else path
