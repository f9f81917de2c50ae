# SPDX-License-Identifier: GPL-2.0-or-later
"""A host of real packages: a tree with dnf and this project's plugin in it, deployed, soft-booted, rebooted."""

from __future__ import annotations

import functools
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from ostree_layer import graft, repo
from ostree_layer.ostree_gi import GLib, OSTree, gfile
from tests import cached, guard, sysroots
from tests.lab import own, softboot, world
from tests.sysroots import ostree
from tests.toys import CACHE

STATEROOT = "world"
REF = "world/12/x86_64/minimal"
COMPOSES = guard.CHECKOUT / "composes"
# What `make install` reads of a checkout.
INSTALLED = ("Makefile", "dnf-plugins", "docs", "etc", "ostree_layer", "packaging")
# When it writes to /boot, libostree freezes the file system for a moment; here, all hosts and all tests share one, and
# the `ostree` program cannot make /sysroot and /boot writable just then. It says so before it does anything.
FROZEN = re.compile("error: Remounting /(sysroot|boot) read-write: Device or resource busy")
# As above, and systemd does not try again.
FINALIZE = """[Service]
ExecStop=
ExecStop=/bin/sh -c 'for n in 1 2 3 4 5 6 7 8; do ostree admin finalize-staged && exit; sleep 0.2; done; exit 1'
"""
RUN = {"systemd/system/ostree-finalize-staged.service.d/lab.conf": FINALIZE}
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "TERM": "dumb"}


def base_repo() -> Path:
    """A repository with the base tree, without this project in it; cached until its description changes."""
    rpms = world.repository()
    description = b"".join(path.read_bytes() for path in sorted(COMPOSES.glob("world*"))) + rpms.parent.name.encode()
    return cached.folder("tree", description, lambda work, made: _compose(work, made, rpms))


def _compose(work: Path, made: Path, rpms: Path) -> None:
    treefile = COMPOSES / "world-minimal.yaml" if world.is_debian() else own.treefile(work, COMPOSES, REF)
    sysroots.compose_into(made, work, rpms, treefile, f"--repofrompath=world,file://{rpms}")


@functools.cache
def installed_repo() -> Path:
    """The same with this checkout in the tree; cached until what `make install` installs changes."""
    base = base_repo()
    files = [path for name in INSTALLED for path in (guard.CHECKOUT / name, *(guard.CHECKOUT / name).rglob("*"))]
    sources = sorted(path for path in files if path.is_file() and "__pycache__" not in path.parts)
    content = b"".join(os.fsencode(path) + path.read_bytes() for path in [*sources, Path(__file__)])
    return cached.folder("installed", content + base.name.encode(), lambda _work, made: _install(base, made))


def _install(base: Path, made: Path) -> None:
    ostree("init", f"--repo={made}", "--mode=bare")
    ostree("pull-local", f"--repo={made}", os.fspath(base), REF)
    install_into(made, REF)


def network(address: str) -> dict[str, str]:
    """What gives a host an address, in its /run, whatever its tree does by itself; and nothing that is waited for."""
    text = f"[Match]\nName=e*\n[Network]\nAddress={address}/16\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"
    return {"systemd/network/10-lab.network": text}


# Nobody waits for the network of a host that has none.
ALONE = {
    "systemd/system/systemd-networkd-wait-online.service.d/lab.conf": "[Service]\nExecStart=\nExecStart=/bin/true\n"
}


class SoftHost:
    """A sysroot in a folder; while it is up, an init process holds the namespaces that its commands run in."""

    def __init__(self, folder: Path, server: Path | None = None, namespace: str = "", address: str = "") -> None:
        """`server` is a folder that the host sees as /run/media/trees; its network is that of `namespace`, if any."""
        self.folder, self._server, self._namespace = folder, server, namespace
        self._network = network(address) if namespace else ALONE
        self.sysroot = folder / "sysroot"
        self._state = folder / "state"
        self._cgroup = f"{softboot.PREFIX}-{os.getpid()}-{secrets.token_hex(4)}"
        self._init: subprocess.Popen[bytes] | None = None

    def argv(self, *command: str) -> list[str]:
        """The argv that runs command on the booted host."""
        assert self._init is not None, "the host is not up"
        (child,) = Path(f"/proc/{self._init.pid}/task/{self._init.pid}/children").read_text().split()
        return [
            "nsenter",
            f"--target={child}",
            "--mount",
            "--pid",
            "--net",
            "--ipc",
            "--uts",
            "--cgroup",
            "--root",
            "--wd",
            *command,
        ]

    def run(self, *command: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        """Run command on the booted host; stdout has what it prints, errors included."""
        done = self._run(command, answer)
        while FROZEN.search(done.stdout):
            done = self._run(command, answer)
        return done

    def _run(self, command: tuple[str, ...], answer: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.argv(*command),
            env=ENVIRONMENT,
            input=answer,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )

    def boot(self) -> None:
        """Start in the newest deployment, and wait until all has started that belongs to its target."""
        for name in ("run", "tmp"):
            shutil.rmtree(self._state / name, ignore_errors=True)
            (self._state / name).mkdir(parents=True)
        (self._state / "run/ostree-booted").touch()
        for path, text in {**RUN, **self._network}.items():
            (self._state / "run" / path).parent.mkdir(parents=True, exist_ok=True)
            (self._state / "run" / path).write_text(text)
        words = ostree("admin", "status", f"--sysroot={self.sysroot}").replace("*", " ").split()
        self._start_init(self.sysroot / "ostree/deploy" / words[0] / "deploy" / words[1])

    def _start_init(self, deployment: Path) -> None:
        media = [world.repository(), *([self._server] if self._server else [])]
        places = (self.sysroot, deployment, self._state, *media)
        inside = [guard.PYTHON, "-m", "tests.lab.softboot", self._cgroup, *map(os.fspath, places)]
        # Whatever ends this process ends the host with it.
        network = ["ip", "netns", "exec", self._namespace, "unshare"] if self._namespace else ["unshare", "--net"]
        argv = ["setpriv", "--pdeathsig=KILL", *network, "--mount", "--pid", "--fork", "--kill-child", *inside]
        environment = {**ENVIRONMENT, "OSTREE_LAYER_CACHE": os.fspath(CACHE)}
        self._init = subprocess.Popen(argv, cwd=guard.CHECKOUT, env=environment)
        while not (self._state / "run/systemd/private").exists():
            assert self._init.poll() is None, "the host does not boot"
            time.sleep(0.02)
        self.run("systemctl", "is-system-running", "--wait")

    def shut_down(self) -> None:
        """Let systemd stop everything, which finalizes a staged deployment, and end."""
        self.run("systemctl", "poweroff")
        self.wait_for_end()

    def wait_for_end(self) -> None:
        """Until systemd has stopped everything, as somebody has told it."""
        assert self._init is not None, "the host is not up"
        self._init.wait(60)
        self.power_off()

    def power_off(self) -> None:
        """End everything at once, as pulling the plug does."""
        if self._init is not None:
            self._init.kill()
            self._init.wait()
            self._init = None
            argv = ["unshare", "--mount", guard.PYTHON, "-m", "tests.lab.softboot", self._cgroup]
            subprocess.run(argv, cwd=guard.CHECKOUT, check=True)

    def reboot(self) -> None:
        self.shut_down()
        self.boot()

    def remove(self) -> None:
        """Take the host away."""
        self.power_off()
        remove(self.sysroot)
        shutil.rmtree(self.folder)


def remove(sysroot: Path) -> None:
    """Remove a sysroot; its deployments are marked immutable."""
    for deployment in sysroot.glob("ostree/deploy/*/deploy/*.[0-9]"):
        subprocess.run(["chattr", "-i", os.fspath(deployment)], check=True)
    shutil.rmtree(sysroot)


def make(folder: Path) -> SoftHost:
    """Deploy the base tree with this checkout installed in it, and boot it."""
    host = SoftHost(folder)
    ostree("pull-local", prepare(host.sysroot), os.fspath(installed_repo()), REF)
    start(host, REF)
    return host


def deploy(host: SoftHost, store: Path, ref: str) -> None:
    """Make a sysroot for the host, deploy a tree with this checkout installed in it, and boot it."""
    where = prepare(host.sysroot)
    ostree("pull-local", where, os.fspath(store), ref)
    install_into(host.sysroot / "ostree/repo", ref)
    start(host, ref)


def prepare(sysroot: Path) -> str:
    """Make a sysroot, and return what tells `ostree` its repository."""
    sysroot.parent.mkdir(parents=True, exist_ok=True)
    sysroots.make_sysroot(sysroot, STATEROOT)
    where = f"--repo={sysroot}/ostree/repo"
    ostree("config", where, "set", "sysroot.readonly", "true")
    return where


def start(host: SoftHost, refspec: str) -> None:
    """Deploy a tree that is in the host's repository, and boot it."""
    deploy_first(host.sysroot, refspec)
    host.boot()


class Source(NamedTuple):
    """What a new sysroot follows: a ref of a remote; and where its first commit is got from, which is a folder here."""

    remote: str
    url: str
    ref: str
    store: Path


def follow(sysroot: Path, source: Source, commit: str) -> None:
    """Deploy a commit in a new sysroot, which follows the source."""
    where, refspec = prepare(sysroot), f"{source.remote}:{source.ref}"
    ostree("remote", "add", "--no-gpg-verify", where, source.remote, source.url)
    ostree("pull-local", where, os.fspath(source.store), commit)
    ostree("refs", where, f"--create={refspec}", commit)
    deploy_first(sysroot, refspec)


def deploy_first(sysroot: Path, refspec: str) -> None:
    """Deploy a tree that is in the sysroot's repository."""
    options = (f"--sysroot={sysroot}", f"--os={STATEROOT}", "--karg=root=LABEL=root", "--karg=rw")
    ostree("admin", "deploy", *options, refspec)


def install_into(place: Path, *refs: str) -> None:
    """Let each of the refs lead to a tree that has this checkout besides."""
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        install = Path(folder, "install")
        guard.install(install)
        (install / "etc").rename(install / "usr/etc")
        store = OSTree.Repo.new(gfile(place))
        store.open(None)
        with repo.transaction(store):
            for ref in refs:
                content = shutil.copytree(install, Path(folder, "content"))
                store.transaction_set_ref(None, ref, graft_onto(store, ref, content))


def graft_onto(store: OSTree.Repo, ref: str, content: Path) -> str:
    """Write, in a transaction, a commit of the ref's tree with the content besides, which is gone then.

    It is as old as the ref's own: which of two trees is the newer one is not for us to say.
    """
    base = store.resolve_rev(ref, False)[1]
    commit = repo.load_commit(store, base)
    tree = graft.graft(store, base, content)
    values = GLib.Variant("a{sv}", repo.metadata(commit))
    root = store.write_mtree(tree, None)[1]
    return str(store.write_commit_with_time(None, None, None, values, root, repo.timestamp(commit), None)[1])
