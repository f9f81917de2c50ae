# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad input and bad luck: a clear sentence, exit code not 0, no "Complete!", and the host as it was."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostree_layer import mounts
from tests import guard, sysroots
from tests.sysroots import Host
from tests.toys import APP, LIB, Toy

AS_IT_WAS = "Nothing was deployed: the host is as it was.\n"


def refused(host: Host, *arguments: str, **options: object) -> str:
    """Run dnf, which fails, says so, and changes nothing; return what it printed."""
    printed = unchanged(host, *arguments, **options)
    assert "Complete!" not in printed
    return printed


def unchanged(host: Host, *arguments: str, **options: object) -> str:
    before = host.deployments()
    result = host.dnf(*arguments, **options)  # type: ignore[arg-type]
    assert result.returncode == 1, result.stdout
    assert "Traceback" not in result.stdout
    assert host.deployments() == before
    assert not list(host.work.glob("staging/*"))
    host.fsck()
    return result.stdout


def test_not_root(host: Host) -> None:
    host.offer(APP, LIB)
    denied = as_nobody(host, "-y", "install", "app")
    assert denied.returncode == 1 and "This command has to be run with superuser privileges" in denied.stdout
    reading = (
        (("list", "--installed"), "toy-base.noarch"),
        (("status",), "toy toy/1/base"),
        (("tree", "schema"), '"title": "Treefile"'),
    )
    for arguments, words in reading:
        allowed = as_nobody(host, *arguments)
        assert allowed.returncode == 0 and words in allowed.stdout, allowed.stdout


def as_nobody(host: Host, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run dnf as a user who may read the host, and a copy of this checkout, which may be where nobody may look."""
    host.folder.parent.chmod(0o755)
    for name in ("tmp", "cache", "log"):
        (host.folder / name).mkdir(exist_ok=True)
        (host.folder / name).chmod(0o777)
    for name in ("ostree_layer", "dnf-plugins"):
        shutil.copytree(guard.CHECKOUT / name, host.folder / "checkout" / name, dirs_exist_ok=True)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    argv = [*nobody, *host.dnf_argv(f"--setopt=pluginpath={host.folder}/checkout/dnf-plugins", *arguments)]
    environment = {"HOME": "/tmp", "PYTHONPATH": f"{host.folder}/checkout"}
    return guard.run(host.folder, argv, host.environment(environment))


@pytest.mark.parametrize("command", ["install app", "list", "status", "rollback"])
def test_a_sysroot_that_is_none(host: Host, command: str) -> None:
    where = {"OSTREE_SYSROOT": os.fspath(host.folder)}
    assert refused(host, *command.split(), extra=where).endswith(
        f"Error: OSTREE_SYSROOT names {host.folder}, which is not an OSTree sysroot: it has no ostree/repo\n"
        "(ostree admin init-fs makes one)\n"
    )


def test_a_sysroot_that_is_none_by_configuration(host: Host) -> None:
    (host.folder / "plugins.d/ostree.conf").write_text("[main]\nsysroot=/nowhere\n")
    printed = refused(host, "install", "app", extra={"OSTREE_SYSROOT": ""})
    assert "Error: sysroot= in ostree.conf names /nowhere, which is not an OSTree sysroot" in printed


def test_a_sysroot_by_configuration(host: Host) -> None:
    (host.folder / "plugins.d/ostree.conf").write_text(f"[main]\nsysroot={host.sysroot}\nstateroot=toy\n")
    host.offer(APP, LIB)
    result = host.dnf("-y", "install", "app", extra={"OSTREE_SYSROOT": ""})
    assert result.returncode == 0 and len(host.deployments()) == 2


def test_unknown_stateroot(host: Host) -> None:
    printed = refused(host, "-y", "remove", "toy-tool", extra={"OSTREE_OS": "nosuch"})
    assert printed.endswith("Error: there is no deployment of the stateroot nosuch\n(known: toy)\n")


def test_unknown_setting(host: Host) -> None:
    (host.folder / "plugins.d/ostree.conf").write_text("[main]\nstrict_scriptlets=perhaps\n")
    printed = refused(host, "-y", "remove", "toy-tool")
    assert printed.endswith("Error: ostree.conf: strict_scriptlets=perhaps is neither yes nor no\n")


def test_unknown_package(host: Host) -> None:
    assert "Error: Unable to find a match: nosuch\n" in refused(host, "-y", "install", "nosuch")


def test_file_conflict(host: Host) -> None:
    host.offer(Toy("rival", files={"/usr/bin/toy-tool": "other\n"}))
    assert refused(host, "-y", "install", "rival").endswith(
        "Error: Transaction test error:\n  file /usr/bin/toy-tool from install of rival-1-1.noarch conflicts with file"
        f" from package toy-tool-1-1.noarch\n{AS_IT_WAS}"
    )


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        ("pre", "Error in PREIN scriptlet in rpm package bad"),
        ("pretrans -p <lua>", "Error in PRETRANS scriptlet in rpm package bad"),
    ],
)
def test_failing_scriptlet_before_unpacking(host: Host, phase: str, words: str) -> None:
    body = "error('no')" if "lua" in phase else "exit 3"
    host.offer(Toy("bad", files={"/usr/bin/bad": ""}, scripts=f"%{phase}\n{body}\n"))
    printed = refused(host, "-y", "install", "bad")
    assert f"Error: Transaction failed: {words}" in printed and printed.endswith(AS_IT_WAS)


@pytest.mark.parametrize(
    ("phase", "tag"),
    [("post", "POSTIN"), ("posttrans", "POSTTRANS"), ("post -p <lua>", "POSTIN"), ("posttrans -p <lua>", "POSTTRANS")],
)
def test_failing_scriptlet_after_unpacking(host: Host, phase: str, tag: str) -> None:
    body = "error('no')" if "lua" in phase else "exit 3"
    host.offer(Toy("bad", files={"/usr/bin/bad": ""}, scripts=f"%{phase}\n{body}\n"))
    assert refused(host, "-y", "install", "bad").endswith(
        f"Error: Error in {tag} scriptlet in rpm package bad\n"
        f"(strict_scriptlets=0 in ostree.conf lets DNF go on after a failed scriptlet)\n{AS_IT_WAS}"
    )
    (host.folder / "plugins.d/ostree.conf").write_text("[main]\nstrict_scriptlets=0\n")
    assert "Complete!" in host.done("install", "bad")


def test_failing_scriptlet_of_a_package_that_goes(host: Host) -> None:
    host.offer(Toy("clingy", files={"/usr/bin/clingy": ""}, scripts="%preun\nexit 3\n"))
    host.done("install", "clingy")
    printed = refused(host, "-y", "remove", "clingy")
    assert "Error: Transaction failed: Error in PREUN scriptlet in rpm package clingy" in printed
    assert printed.endswith(AS_IT_WAS)


def test_a_failed_transaction_spoils_the_session(host: Host) -> None:
    host.offer(APP, LIB, Toy("bad", files={"/usr/bin/bad": ""}, scripts="%pre\nexit 3\n"))
    script = host.folder / "script"
    script.write_text("install bad\nrun\ninstall app\nrun\nexit\n")
    assert unchanged(host, "-y", "shell", os.fspath(script)).endswith(
        f"Error: a transaction of this session failed, so none of it is deployed\n{AS_IT_WAS}"
    )


@pytest.fixture
def small_disk(folder: Path, toy_tree: Path) -> Iterator[Host]:
    """A host on a file system of 24 MB; it is mounted for this process only, and gone with it."""
    mounts.enter_private_namespace()
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24M", "tmpfs", os.fspath(disk)], check=True)
    host = sysroots.make_host(disk / "host", toy_tree)
    host.offer(LIB)
    yield host
    sysroots.wait_for_cleaner(host.sysroot)
    subprocess.run(["umount", os.fspath(disk)], check=True)


BIG = Toy("big", files={f"/usr/share/big/{index}": os.urandom(3_000_000) for index in range(5)})


def test_no_space_before_unpacking(small_disk: Host) -> None:
    small_disk.offer(BIG)
    (small_disk.folder / "filler").write_bytes(bytes(3_000_000))
    printed = refused(small_disk, "-y", "install", "big")
    assert "MB more space on the / filesystem" in printed and printed.endswith(AS_IT_WAS)


def test_no_space_while_unpacking(small_disk: Host) -> None:
    small_disk.offer(BIG)
    (small_disk.folder / "filler").write_bytes(bytes(3_000_000))
    printed = refused(small_disk, "-y", "--setopt=diskspacecheck=0", "install", "big")
    assert "Error: Transaction failed: Error unpacking rpm package big-1-1.noarch" in printed
    assert ": no space left for 14 MB of packages: " in printed and printed.endswith(AS_IT_WAS)


def test_a_full_disk_after_unpacking(small_disk: Host) -> None:
    fill = "%posttrans\ncat /dev/zero > /var/tmp/fill || true\nexit 0\n"
    small_disk.offer(Toy("filler", files={"/usr/share/filler": "x" * 5000}, scripts=fill))
    assert refused(small_disk, "-y", "install", "filler").endswith(AS_IT_WAS)
    small_disk.done("install", "lib")


def test_an_rpmdb_that_cannot_be_read(folder: Path, toy_tree: Path) -> None:
    tree = folder / "tree"
    shutil.copytree(toy_tree, tree, symlinks=True)
    database = tree / "usr/lib/sysimage/rpm/rpmdb.sqlite"
    database.write_bytes(b"not a database" + database.read_bytes()[14:])
    host = sysroots.make_host(folder / "host", tree)
    host.offer(APP, LIB)
    assert refused(host, "-y", "install", "app").endswith(f"Error: the rpm database of {host.tree} cannot be read\n")


def test_a_tree_without_an_rpmdb(folder: Path, toy_tree: Path) -> None:
    tree = folder / "tree"
    shutil.copytree(toy_tree, tree, symlinks=True)
    shutil.rmtree(tree / "usr/lib/sysimage/rpm")
    host = sysroots.make_host(folder / "host", tree)
    printed = refused(host, "-y", "install", "app")
    assert "has no rpm database\n(a tree keeps it in /usr/lib/sysimage/rpm or /usr/share/rpm)\n" in printed


def test_a_file_system_that_cannot_carry_an_upper(folder: Path, toy_tree: Path) -> None:
    mounts.enter_private_namespace()
    for name in ("lower", "upper", "work", "merged"):
        (folder / name).mkdir()
    mounts.overlay(folder / "lower", folder / "upper", folder / "work", folder / "merged")
    host = sysroots.make_host(folder / "merged/host", toy_tree)
    host.offer(APP, LIB)
    printed = refused(host, "-y", "install", "app")
    assert "Error: " in printed and "cannot carry a staged root: mounting overlay on" in printed
    assert printed.endswith(
        "(the sysroot must be on a file system that overlayfs can write to, not on another overlay)\n"
    )
    mounts.unmount(folder / "merged")


def test_commands_that_reboot_into_another_root(host: Host) -> None:
    printed = refused(host, "-y", "system-upgrade", "download", "--releasever=2")
    assert "No such command" in printed or "'system-upgrade' does not work on an OSTree host" in printed


def test_a_path_that_fits_nowhere(host: Host) -> None:
    host.offer(Toy("stray", files={"/stray/file": ""}))
    assert refused(host, "-y", "install", "stray").endswith(
        "Error: /stray/file fits nowhere in an OSTree tree\n"
        f"(a tree holds /usr and /etc; /var, /opt, /srv, /home and /root are kept in /var)\n{AS_IT_WAS}"
    )


def test_a_socket_left_by_a_scriptlet(host: Host) -> None:
    host.offer(Toy("pipe", scripts="%post\nbusybox mkfifo /usr/share/pipe\n"))
    printed = refused(host, "-y", "install", "pipe")
    assert "/usr/share/pipe is a device, a socket or a fifo, and a tree cannot hold one" in printed


@pytest.mark.parametrize(
    ("toy", "why"),
    [
        (
            Toy("over", files={"/usr/share/toy": ""}),
            "/usr/share/toy is a directory in the tree, and none in the package",
        ),
        (
            Toy("below", files={"/usr/share/toy/kept/file": ""}),
            "/usr/share/toy/kept is no directory in the tree, and the package has /usr/share/toy/kept/file",
        ),
        (
            Toy("loop", files={"/usr/share/loop/file": ""}, scripts="%pre\nln -s loop /usr/share/loop\n"),
            "/usr/share/loop is no directory in the tree, and the package has /usr/share/loop/file",
        ),
        (
            Toy(
                "device",
                files={"/usr/lib/device": ""},
                attributes={"/usr/lib/device": "%dev(c, 1, 3) %attr(0600, -, -)"},
            ),
            "/usr/lib/device is a device, and a tree cannot hold one",
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_what_cannot_be_unpacked(host: Host, toy: Toy, why: str) -> None:
    host.offer(toy)
    before = host.deployments()
    assert refused(host, "-y", "install", toy.name).endswith(
        f"Error: Transaction failed: Error unpacking rpm package {toy.nevra}: {why}\n{AS_IT_WAS}"
    )
    assert host.deployments() == before


@pytest.mark.parametrize("path", ["/usr/share/fifo", "/etc/fifo"])
def test_a_fifo_left_by_a_scriptlet(host: Host, path: str) -> None:
    host.offer(Toy("fifo", scripts=f"%post\nmkfifo {path}\n"))
    assert refused(host, "-y", "install", "fifo").endswith(
        f"Error: {path} is a device, a socket or a fifo, and a tree cannot hold one\n{AS_IT_WAS}"
    )


def test_a_loop_of_links_is_content_like_any_other(host: Host) -> None:
    host.offer(Toy("loop", scripts="%post\nln -s b /usr/share/a\nln -s a /usr/share/b\n"))
    host.done("install", "loop")
    assert os.readlink(host.tree / "usr/share/a") == "b"
