# SPDX-License-Identifier: GPL-2.0-or-later
"""Real sysroots in folders: a toy tree, composed by dnf, deployed by ostree."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ostree_layer import metadata, repo, rpmdb
from ostree_layer.ostree_gi import AT_FDCWD, GLib, OSTree, gfile
from tests import guard, toys
from tests.toys import Toy

STATEROOT = "toy"
REF = "toy/1/base"
RPMDB = "usr/lib/sysimage/rpm"
HISTORY = "usr/lib/sysimage/dnf"
APPLETS = (
    "sh",
    "cat",
    "ls",
    "cp",
    "mv",
    "rm",
    "mkdir",
    "touch",
    "chmod",
    "chown",
    "echo",
    "sleep",
    "ln",
    "true",
    "false",
    "kill",
    "sed",
    "grep",
    "stat",
    "mkfifo",
    "printf",
    "[",
    "mount",
    "mknod",
    "reboot",
    "nc",
)
# NAME GECOS HOME SHELL: with the first id from 100 up that is free.
ADD_USER = """#!/bin/sh
id=100
while grep -q ":x:$id:" /etc/passwd /etc/group; do id=$((id + 1)); done
echo "$1:x:$id:" >> /etc/group
echo "$1:x:$id:$id:$2:$3:$4" >> /etc/passwd
"""
BASE = Toy(
    "toy-base",
    files={
        "/usr/bin/busybox": Path("/bin/busybox").read_bytes() if Path("/bin/busybox").exists() else b"",
        **{f"/usr/bin/{applet}": "-> busybox" for applet in APPLETS},
        "/bin": "-> usr/bin",
        "/sbin": "-> usr/sbin",
        "/lib": "-> usr/lib",
        "/usr/sbin/": "",
        "/usr/sbin/add-user": ADD_USER,
        "/usr/lib/sysusers.d/": "",
        "/usr/lib/tmpfiles.d/": "",
        "/usr/bin/systemd-sysusers": "-> busybox",  # the tree says that its hosts read sysusers.d
        "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
        "/etc/group": "root:x:0:\n",
        "/etc/toy.conf": "made by = base\n",
        "/usr/lib/os-release": "ID=toy\nVERSION_ID=1\n",
        "/usr/lib/modules/6.1-toy/vmlinuz": "not a kernel\n",
        "/usr/share/toy/kept": "kept\n",
        "/usr/share/toy/gone/a": "a\n",
    },
    attributes={
        "/usr/bin/busybox": "0755,root,root",
        "/usr/sbin/add-user": "0755,root,root",
        "/etc/toy.conf": "%config(noreplace)",
    },
    provides=("system-release = 1", "/bin/sh", "/usr/bin/sh"),
)
OLD_TOOL = Toy("toy-tool", "1", {"/usr/bin/toy-tool": "1\n", "/usr/share/toy-tool/old": "1\n"}, requires=("toy-base",))


def ostree(*arguments: str) -> str:
    environment = {**os.environ, "OSTREE_SYSROOT_DEBUG": "mutable-deployments"}
    return subprocess.run(["ostree", *arguments], env=environment, check=True, capture_output=True, text=True).stdout


def compose(work: Path, repository: Path, packages: list[str], postprocess: str = "") -> Path:
    """Compose a tree of packages, and return the folder that it is checked out to."""
    # Toys are no kernel that boots; a policy they may bring.
    treefile = {"ref": REF, "container": True, "selinux": True, "boot-location": "modules", "no-initramfs": True}
    work.mkdir(exist_ok=True)
    scripts = [postprocess] if postprocess else []
    (work / "tree.json").write_text(json.dumps({**treefile, "packages": packages, "postprocess": scripts}))
    compose_into(work / "repo", work, repository, work / "tree.json", "--releasever=1")
    ostree("checkout", f"--repo={work}/repo", REF, os.fspath(work / "tree"))
    return work / "tree"


def compose_into(store: Path, work: Path, repository: Path, treefile: Path, *options: str) -> str:
    """Compose by the real command, sealed, into a repository of bare files; return what it printed."""
    ostree("init", f"--repo={store}", "--mode=bare")
    argv = ["tree", "compose", os.fspath(treefile), f"--repo={store}", f"--workdir={work}/workshop", *options]
    done = guard.run(work, guard.dnf_argv(work, repository, *argv))
    assert done.returncode == 0, done.stdout
    return done.stdout


@dataclasses.dataclass(frozen=True)
class Host:
    """A sysroot that is not booted, and a repository of toys for it."""

    folder: Path

    @property
    def sysroot(self) -> Path:
        return self.folder / "sysroot"

    @property
    def repo(self) -> str:
        return f"--repo={self.sysroot}/ostree/repo"

    @property
    def repository(self) -> Path:
        return self.folder / "rpms"

    def offer(self, *offered: Toy) -> None:
        """Add toys to the repository; what dnf remembers of it may be of this same second, so it forgets it."""
        shutil.rmtree(self.folder / "cache", ignore_errors=True)
        toys.repository(self.repository, offered)

    def dnf(
        self, *arguments: str, extra: Mapping[str, str] | None = None, answer: str = "", apart: bool = False
    ) -> subprocess.CompletedProcess[str]:
        return guard.run(self.folder, self.dnf_argv(*arguments), self.environment(extra), answer, apart=apart)

    def done(self, *arguments: str) -> str:
        """Run dnf, which succeeds, and return what it printed."""
        result = self.dnf("-y", *arguments)
        assert result.returncode == 0, result.stdout
        return result.stdout

    def dnf_argv(self, *arguments: str) -> list[str]:
        return guard.dnf_argv(self.folder, self.repository, *arguments)

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        return {"OSTREE_SYSROOT": os.fspath(self.sysroot), **(extra or {})}

    def status(self) -> list[dict[str, Any]]:
        done = self.dnf("status", "--json", apart=True)
        assert done.returncode == 0, done.stderr
        return list(json.loads(done.stdout)["deployments"])

    def deployments(self) -> list[str]:
        """The checksums in boot order, by libostree's own program."""
        lines = ostree("admin", "status", f"--sysroot={self.sysroot}").splitlines()
        return [line.replace("*", " ").split()[1] for line in lines if line.strip().startswith(f"{STATEROOT} ")]

    @property
    def tree(self) -> Path:
        """The directory of the deployment that boots next."""
        return self.sysroot / f"ostree/deploy/{STATEROOT}/deploy" / self.deployments()[0]

    @property
    def var(self) -> Path:
        """What every deployment of the stateroot has as /var."""
        return self.sysroot / f"ostree/deploy/{STATEROOT}/var"

    def boot(self) -> None:
        """Do with the deployment that boots next what systemd does early in a boot."""
        script = 'mount --bind "$1" "$2/var" && systemd-sysusers --root="$2" && systemd-tmpfiles --root="$2" --create'
        argv = ["sh", "-c", f"{script} --exclude-prefix=/dev", "sh", os.fspath(self.var), os.fspath(self.tree)]
        done = guard.run(self.folder, argv)
        assert done.returncode == 0, done.stdout

    @property
    def work(self) -> Path:
        return self.sysroot / "ostree/repo/extensions/ostree-layer"

    def fsck(self) -> None:
        self.wait_for_cleaner()  # or it takes away what fsck is about to read
        ostree("fsck", self.repo, "--quiet")

    def wait_for_cleaner(self) -> None:
        """Until the clean-up that the last run left is over."""
        wait_for_cleaner(self.sysroot)


def wait_for_cleaner(sysroot: Path) -> None:
    words = f"ostree_layer.cleaner\0{sysroot}\0".encode()
    while any(words in _command_line(process) for process in Path("/proc").glob("[0-9]*")):
        time.sleep(0.02)


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def make_host(folder: Path, tree: Path, *, with_packages: bool = False) -> Host:
    """Commit tree into a new sysroot and deploy it; with its packages in the metadata, if asked."""
    host = empty_host(folder)
    commit(host.sysroot / "ostree/repo", tree, REF, version="1.0", with_packages=with_packages)
    deploy(host)
    return host


def copied(host: Host, folder: Path) -> Host:
    """The same host in another place; not even a file that somebody may damage is shared."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", os.fspath(host.folder), os.fspath(folder)], check=True)
    return Host(folder)


def deploy_from(origin: Host, folder: Path) -> Host:
    """Another host, of the same commit as origin's."""
    host = empty_host(folder)
    ostree("pull-local", host.repo, f"{origin.sysroot}/ostree/repo", REF)
    deploy(host)
    return host


def empty_host(folder: Path) -> Host:
    """A sysroot without a deployment."""
    host = Host(folder)
    for name in guard.FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    make_sysroot(host.sysroot, STATEROOT)
    ostree("config", host.repo, "set", "core.min-free-space-size", "1MB")
    return host


def deploy(host: Host, refspec: str = REF) -> None:
    ostree("admin", "deploy", f"--sysroot={host.sysroot}", f"--os={STATEROOT}", "--karg=root=LABEL=toy", refspec)


def make_sysroot(path: Path, stateroot: str) -> None:
    path.mkdir()
    ostree("admin", "init-fs", f"--sysroot={path}", os.fspath(path))
    ostree("admin", "os-init", f"--sysroot={path}", stateroot)
    ostree("config", f"--repo={path}/ostree/repo", "set", "sysroot.bootloader", "none")


def commit(repo_path: Path, tree: Path, ref: str, *, version: str, with_packages: bool) -> None:
    store = OSTree.Repo.new(gfile(repo_path))
    store.open(None)
    values = {"version": GLib.Variant("s", version)}
    if with_packages:
        packages = rpmdb.installed_packages(tree, RPMDB)
        values[metadata.PKGLIST] = GLib.Variant("a(sssss)", [dataclasses.astuple(package) for package in packages])
    with repo.transaction(store):
        mutable = OSTree.MutableTree.new()
        store.write_dfd_to_mtree(AT_FDCWD, os.fspath(tree), mutable, None, None)
        root = store.write_mtree(mutable, None)[1]
        checksum = store.write_commit(None, None, None, GLib.Variant("a{sv}", values), root, None)[1]
        store.transaction_set_ref(None, ref, checksum)
