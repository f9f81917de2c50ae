# SPDX-License-Identifier: GPL-2.0-or-later
"""A real SELinux policy: modules of Debian's, put together by its own tools in a folder that has all they need."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests import cached
from tests.lab import debian
from tests.toys import CACHE, Toy

# The smallest set of modules that makes a policy; all 331 take half a minute.
MODULES = ("base", "getty", "unconfined", "xdg", "xserver")
CONFIG = "SELINUX=enforcing\nSELINUXTYPE=default\n"
# The store of modules has to be in /etc: libostree runs semodule in each new deployment, which has no /var.
STORE = "store-root = /etc/selinux\n"
# What the second version of the package says, and the first does not.
RULE = '(filecon "/usr/share/toy(/.*)?" any (system_u object_r man_t ((s0) (s0))))\n'
PROGRAMS = (
    "/usr/sbin/semodule",
    "/usr/sbin/sefcontext_compile",
    "/usr/sbin/setfiles",
    "/usr/libexec/selinux/hll/pp",
)
LOADER = "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
SOURCE = "usr/share/selinux/default"


def packages() -> tuple[Toy, Toy]:
    """Two versions of a package that carries the policy, built beforehand, and semodule."""
    folder = _kept()
    return _package("1", folder), _package("2", folder)


def source() -> Toy:
    """A package with the modules and what builds a policy of them, which its scriptlet does, as Debian's does."""
    folder = _kept()
    files = dict([("/lib64", "-> usr/lib64"), *_files(folder / "source"), *_files(folder / "tools")])
    modules = " ".join(f"-i /{SOURCE}/{name}.pp.bz2" for name in MODULES)
    build = f"%post\nsemodule --noreload --store=default {modules}\n"
    attributes = {name: "0755,root,root" for name in (*PROGRAMS, LOADER)}
    attributes["/var/lib/selinux/default/"] = "0700,root,root"
    return Toy("toy-policy", "1", {**files, "/var/lib/selinux/default/": ""}, scripts=build, attributes=attributes)


def _package(version: str, folder: Path) -> Toy:
    files = dict([*_files(folder / version), *_files(folder / "tools")])
    return Toy("toy-policy", version, files, attributes={name: "0755,root,root" for name in (*PROGRAMS, LOADER)})


def _files(folder: Path) -> Iterator[tuple[str, str | bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            yield f"/{path.relative_to(folder)}", f"-> {os.readlink(path)}"
        elif path.is_file():
            yield f"/{path.relative_to(folder)}", path.read_bytes()


def _kept() -> Path:
    """The folder of what the packages hold, made now if it is not in the cache."""
    description = Path(__file__).read_bytes()
    return cached.folder("policy", description, lambda work, made: _make(work / "root", made))


def _make(root: Path, made: Path) -> None:
    _unpack(root)
    (root / "etc/selinux/config").write_text(CONFIG)
    shutil.copytree(root / "etc/selinux", made / "source/etc/selinux")
    (made / "source" / SOURCE).mkdir(parents=True)
    for name in MODULES:
        shutil.copy2(root / SOURCE / f"{name}.pp.bz2", made / "source" / SOURCE)
    with (root / "etc/selinux/semanage.conf").open("a") as settings:
        settings.write(STORE)
    _semodule(root, *(word for name in MODULES for word in ("-i", f"/{SOURCE}/{name}.pp.bz2")))
    shutil.copytree(root / "etc/selinux", made / "1/etc/selinux")
    (root / "rule.cil").write_text(RULE)
    _semodule(root, "-i", "/rule.cil")
    shutil.copytree(root / "etc/selinux", made / "2/etc/selinux")
    _keep_tools(root, made / "tools")


def _unpack(root: Path) -> None:
    debs = CACHE / "debs"
    debs.mkdir(exist_ok=True)
    wanted = debian.Archive().closure(["selinux-policy-default"])
    debian.download(wanted, debs)
    for deb in wanted:
        subprocess.run(["dpkg-deb", "-x", os.fspath(debs / deb.file_name), os.fspath(root)], check=True)


def _semodule(root: Path, *arguments: str) -> None:
    """Add modules to the policy in root, without loading it into this machine's kernel."""
    argv = ["chroot", os.fspath(root), PROGRAMS[0], "--noreload", "--store=default", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _keep_tools(root: Path, tools: Path) -> None:
    """semodule, what it runs, and the libraries that its packages bring, all below /usr."""
    wanted = ("lib*/**/*", "sbin/setfiles", "usr/lib/*/*.so.*", *(name[1:] for name in PROGRAMS))
    for path in (path for pattern in wanted for path in root.glob(pattern)):
        inside = str(path.relative_to(root))
        target = tools / inside if inside.startswith("usr/") else tools / "usr" / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or path.is_file():
            shutil.copyfile(path, target, follow_symlinks=False)
