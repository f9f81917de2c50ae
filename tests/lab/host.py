# SPDX-License-Identifier: GPL-2.0-or-later
"""A host of real packages: a tree with dnf and this project's plugin in it, deployed, soft-booted, rebooted."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from ostree_layer import dnf_base
from ostree_layer.layout import var
from tests import guard, sysroots
from tests.lab import world
from tests.sysroots import ostree

STATEROOT = "world"
REF = "world/12/x86_64/base"
REPO_FILE = """[world]
name=Atomic World 12
baseurl=file:///run/media/world
gpgcheck=0
"""
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "TERM": "dumb"}


def base_repo() -> Path:
    """A repository with the base tree, without this project in it; cached beside the RPM repository."""
    rpms = world.repository()
    repo = rpms.parent / "ostree"
    if not (repo / "refs/heads" / REF).exists():
        with tempfile.TemporaryDirectory(prefix="compose-", dir=rpms.parent) as work:
            tree = sysroots.compose(Path(work), rpms, world.TREE, finish=_finish)
            shutil.rmtree(repo, ignore_errors=True)
            ostree("init", f"--repo={repo}", "--mode=bare")
            ostree("commit", f"--repo={repo}", f"--branch={REF}", f"--tree=dir={tree}")
    return repo


def _finish(root: Path) -> None:
    """What makes an installed root a host: /var described by tmpfiles.d, an empty machine-id, a repository."""
    dbpath = dnf_base.use_rpmdb_of(root) or sysroots.RPMDB
    names = [package.name for package in dnf_base.installed_packages(root, dbpath)]
    var.carry(root, {}, names, ())
    (root / "usr/lib/tmpfiles.d/world.conf").write_text(
        "".join(f"d /{target} 0755 root root - -\n" for target in ("var/home", "var/opt", "var/srv", "var/mnt", "var/usrlocal"))
        + "d /var/roothome 0700 root root - -\n"
    )
    (root / "etc/machine-id").write_text("")
    (root / "etc/yum.repos.d").mkdir(parents=True, exist_ok=True)
    (root / "etc/yum.repos.d/world.repo").write_text(REPO_FILE)


@dataclasses.dataclass(frozen=True)
class SoftHost:
    """A sysroot in a folder and the state of its present boot."""

    folder: Path

    @property
    def sysroot(self) -> Path:
        return self.folder / "sysroot"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def booted(self) -> Path:
        return Path((self.folder / "booted").read_text())

    def argv(self, *command: str) -> list[str]:
        """The argv that runs command on the booted host."""
        inside = [guard.PYTHON, "-m", "tests.lab.softboot", *map(os.fspath, (self.sysroot, self.booted, self.state))]
        namespaces = ["--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child"]
        return ["unshare", *namespaces, *inside, *command]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run command on the booted host; stdout has what it prints, errors included."""
        return subprocess.run(
            self.argv(*command),
            cwd=guard.CHECKOUT,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )

    def boot(self) -> None:
        """Start in the newest deployment, with what systemd does early in a boot."""
        for name in ("run", "tmp"):
            shutil.rmtree(self.state / name, ignore_errors=True)
            (self.state / name).mkdir(parents=True)
        (self.state / "run/ostree-booted").touch()
        (self.state / "run/systemd/system").mkdir(parents=True)
        newest = ostree("admin", "status", f"--sysroot={self.sysroot}").replace("*", " ").split()[1]
        (self.folder / "booted").write_text(f"{self.sysroot}/ostree/deploy/{STATEROOT}/deploy/{newest}")
        for step in (["systemd-sysusers"], ["systemd-tmpfiles", "--create", "--boot", "--exclude-prefix=/dev", "--exclude-prefix=/run"]):
            self.run(*step)

    def reboot(self) -> None:
        """Shut down, which finalizes a staged deployment, and boot."""
        if (self.state / "run/ostree/staged-deployment").exists():
            done = self.run("ostree", "admin", "finalize-staged")
            assert done.returncode == 0, done.stdout
        self.boot()


def make(folder: Path) -> SoftHost:
    """Deploy the base tree with this checkout installed in it, and boot it."""
    host = SoftHost(folder)
    host.sysroot.mkdir(parents=True)
    repo = f"--repo={host.sysroot}/ostree/repo"
    ostree("admin", "init-fs", f"--sysroot={host.sysroot}", os.fspath(host.sysroot))
    ostree("admin", "os-init", f"--sysroot={host.sysroot}", STATEROOT)
    ostree("config", repo, "set", "sysroot.bootloader", "none")
    ostree("config", repo, "set", "sysroot.readonly", "true")
    ostree("pull-local", repo, os.fspath(base_repo()), REF)
    _commit_with_plugin(host, repo)
    ostree("admin", "deploy", f"--sysroot={host.sysroot}", f"--os={STATEROOT}", "--karg=root=LABEL=root", "--karg=rw", REF)
    host.boot()
    return host


def _commit_with_plugin(host: SoftHost, repo: str) -> None:
    install = host.folder / "install"
    argv = ["make", "--silent", "install", f"DESTDIR={install}"]
    subprocess.run(argv, cwd=guard.CHECKOUT, check=True, stdout=subprocess.DEVNULL)
    (install / "usr").mkdir(exist_ok=True)
    (install / "etc").rename(install / "usr/etc")
    trees = [f"--tree=ref={REF}", f"--tree=dir={install}", "--owner-uid=0", "--owner-gid=0"]
    ostree("commit", repo, f"--branch={REF}", *trees, "--bootable", "--add-metadata-string=version=12.0")
    shutil.rmtree(install)


def remove(host: SoftHost) -> None:
    """Take the host away; its deployments are marked immutable."""
    for deployment in host.sysroot.glob("ostree/deploy/*/deploy/*.[0-9]"):
        subprocess.run(["chattr", "-i", os.fspath(deployment)], check=True)
    shutil.rmtree(host.folder)
