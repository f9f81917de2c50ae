# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian package as an RPM: its real files, version and dependencies, and if asked its maintainer scripts."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import posixpath
import py_compile
import re
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests import rpmbuild
from tests.lab import scripts
from tests.lab.debian import Deb, Relation

# For people, not for tests.
LEFT_OUT = re.compile(r"^/usr/share/(doc|man|info|lintian|bug|doc-base|locale(?!/C))/")
KERNEL_FILE = re.compile(r"^/boot/(vmlinuz|config|System\.map)-(.+)$")
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
TEMPLATES = "/usr/share/debian-tools/templates"
MODULE = re.compile(r"^/usr/lib/python3[^/]*/.*\.py$")
UNIT = re.compile(r"^/usr/lib/systemd/system/[^/@]+\.(service|socket|timer|path)$")


@dataclasses.dataclass(frozen=True)
class Fixup:
    """What takes the place of maintainer scripts, or the scripts: `raw` is spec text, the rest adds to the package."""

    requires: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    links: Mapping[str, str] = dataclasses.field(default_factory=dict)
    raw: str = ""
    scripts: Mapping[str, str] = dataclasses.field(default_factory=dict)


class Content:
    """A buildroot, and its entries as %files has them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lines: dict[str, str] = {}
        root.mkdir()

    def __contains__(self, path: str) -> bool:
        return path in self._lines

    def paths(self) -> list[str]:
        return sorted(self._lines)

    def directory(self, path: str, mode: int = 0o755, user: str = "root", group: str = "root") -> None:
        self._place(path).mkdir(exist_ok=True)
        self._note(path, f"%attr({mode:04o},{user},{group}) %dir")

    def link(self, path: str, target: str) -> None:
        if not os.path.lexists(self._place(path)):
            self._place(path).symlink_to(target)
        self._note(path, "")

    def file(self, path: str, data: bytes, mode: int = 0o644, user: str = "root", group: str = "root") -> None:
        self._place(path).write_bytes(data)
        config = " %config(noreplace)" if path.startswith("/etc/") else ""
        self._note(path, f"%attr({mode:04o},{user},{group}){config}")

    def hard_link(self, path: str, target: str) -> None:
        os.link(self._place(target), self._place(path))
        self._lines[path] = self._lines[target].replace(f'"{target}"', f'"{path}"')

    def compile(self) -> None:
        """Bring compiled modules along: valid without a look at their sources' times, of which OSTree keeps none."""
        for path in (path for path in self.paths() if MODULE.match(path) and not self._place(path).is_symlink()):
            folder, name = posixpath.split(path)
            compiled = posixpath.join(folder, "__pycache__", f"{name[:-3]}.{sys.implementation.cache_tag}.pyc")
            mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
            places = (os.fspath(self._place(path)), os.fspath(self._place(compiled)))
            with contextlib.suppress(py_compile.PyCompileError):  # it is for another Python
                py_compile.compile(*places, path, doraise=True, invalidation_mode=mode)
                self.directory(posixpath.dirname(compiled))
                self._note(compiled, "%attr(0644,root,root)")

    def spec_lines(self) -> list[str]:
        return [self._lines[path] for path in self.paths()]

    def _place(self, path: str) -> Path:
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def _note(self, path: str, directives: str) -> None:
        # rpm reads these names as patterns: what would mean something else in one matches any character instead.
        name = re.sub(r'[\[\]*{}\\"]', "?", path).replace("%", "%%")
        self._lines[path] = f'{directives} "{name}"'.strip()


def unpack(deb: Path, content: Content, standard: frozenset[str]) -> None:
    """Put the files of a .deb where they go on a merged-/usr system; `standard` directories belong to filesystem."""
    from debian import debfile  # noqa: PLC0415 - Debian has it, and other machines that import this module have not

    with debfile.DebFile(os.fspath(deb)) as package, package.data.tgz() as data:
        for member in data:
            path = destination(member.name)
            if path is not None and path not in standard:
                _unpack_one(data, member, path, content)


def _unpack_one(data: tarfile.TarFile, member: tarfile.TarInfo, path: str, content: Content) -> None:
    owner = (member.mode & 0o7777, member.uname, member.gname)
    if member.isdir() and path.strip("/") not in MERGED:
        content.directory(path, *owner)
    elif member.issym():
        content.link(path, _target(member, path))
    elif member.islnk():
        target = destination(member.linkname)
        if target is not None:
            content.hard_link(path, target)
    elif member.isreg():
        file = data.extractfile(member)
        assert file is not None
        content.file(path, file.read(), *owner)


def destination(name: str) -> str | None:
    """Where a file of a Debian package goes; None for those that are left out."""
    path = _merged("/" + name.lstrip(".").strip("/"))
    if kernel := KERNEL_FILE.match(path):
        return f"/usr/lib/modules/{kernel[2]}/{kernel[1]}"
    return None if LEFT_OUT.match(path) or path == "/" else path


def _merged(path: str) -> str:
    return "/usr" + path if path.split("/")[1] in MERGED else path


def _target(member: tarfile.TarInfo, path: str) -> str:
    """A link's target; a relative one is counted anew where the link itself has moved."""
    original = "/" + member.name.lstrip(".").strip("/")
    if original == path or member.linkname.startswith("/") or "/" not in member.linkname:
        return member.linkname
    absolute = _merged(posixpath.normpath(posixpath.join(posixpath.dirname(original), member.linkname)))
    return posixpath.relpath(absolute, posixpath.dirname(path))


def rpm_evr(version: str) -> tuple[str, str, str]:
    """Epoch, version and release of a Debian version; one without a revision gets the release 0."""
    epoch, _, rest = version.rpartition(":")
    upstream, dash, revision = rest.rpartition("-")
    return (epoch, upstream.replace("-", "."), revision) if dash else (epoch, rest, "0")


def rpm_relation(relation: Relation) -> str:
    if not relation.op:
        return relation.name
    epoch, version, release = rpm_evr(relation.version)
    has_revision = "-" in relation.version
    # Without a release RPM compares the versions only: Debian's `>> 2.36` is true for 2.36-9, RPM's `> 2.36` is not.
    op = {"<<": "<", ">>": ">" if has_revision else ">="}.get(relation.op, relation.op)
    number = (f"{epoch}:" if epoch else "") + version + (f"-{release}" if has_revision else "")
    return f"{relation.name} {op} {number}"


def _requirement(alternatives: list[Relation]) -> str:
    names = [rpm_relation(relation) for relation in alternatives]
    return names[0] if len(names) == 1 else f"({' or '.join(names)})"


def spec_head(deb: Deb, fixup: Fixup) -> list[str]:
    epoch, version, release = rpm_evr(deb.version)
    lines = [f"Name: {deb.name}", f"Version: {version}", f"Release: {release}"]
    lines += [f"Epoch: {epoch}"] if epoch else []
    lines += [f"Summary: {(deb.summary or deb.name).replace('%', '%%')}", "License: see Debian"]
    lines += ["BuildArch: noarch"] if deb.architecture == "all" else []
    lines += [f"Requires: {need}" for need in (*map(_requirement, deb.depends), *fixup.requires)]
    lines += [f"Conflicts: {rpm_relation(relation)}" for relation in deb.conflicts]
    lines += [f"Provides: {gift}" for gift in (*map(rpm_relation, deb.provides), *fixup.provides)]
    return lines


def _units(content: Content) -> list[str]:
    """The units that can be enabled."""
    return [
        posixpath.basename(path)
        for path in content.paths()
        if UNIT.match(path) and not (file := content.root / path[1:]).is_symlink() and "\n[Install]" in file.read_text()
    ]


def with_scripts(deb: Deb, source: Path, fixup: Fixup) -> Fixup:
    """The fixup of a .deb that brings its maintainer scripts along."""
    found = scripts.read(source)
    templates = {f"{TEMPLATES}/{deb.name}": found.pop("templates")} if "templates" in found else {}
    tools = ("debian-tools",) if found else ()
    files, requires = {**templates, **fixup.files}, (*fixup.requires, *tools)
    return dataclasses.replace(fixup, files=files, requires=requires, scripts=found)


def convert(deb: Deb, source: Path, target: Path, fixup: Fixup, standard: frozenset[str]) -> None:
    """Write the RPM of a .deb into the folder target."""
    with tempfile.TemporaryDirectory(prefix=f"{deb.name}-", dir=target.parent) as work:
        content = Content(Path(work, "root"))
        unpack(source, content, standard)
        content.compile()
        for path, text in fixup.files.items():
            content.file(path, text.encode())
        for path, to in fixup.links.items():
            content.link(path, to)
        kernel = deb.name.startswith("linux-image-") and any(path.endswith("/vmlinuz") for path in content.paths())
        provides = (
            (*fixup.provides, f"kernel = {rpm_evr(deb.version)[1]}", "installonlypkg(kernel)")
            if kernel
            else fixup.provides
        )
        head = spec_head(deb, dataclasses.replace(fixup, provides=provides))
        scriptlets = scripts.render(deb.name, deb.version, fixup.scripts, _units(content))
        build(Path(work), target, head, content, fixup.raw + "\n" + scriptlets)


def build(work: Path, target: Path, head: list[str], content: Content, scriptlets: str = "") -> None:
    """Write the RPM of a filled buildroot into the folder target."""
    body = [
        "AutoReqProv: no",
        "%description",
        "Made from a Debian package.",
        scriptlets,
        "%files",
        *content.spec_lines(),
    ]
    made = rpmbuild.build(work, "\n".join(head + body) + "\n", content.root, payload="w1.zstdio")
    shutil.move(made, target / made.name)
