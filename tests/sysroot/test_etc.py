# SPDX-License-Identifier: GPL-2.0-or-later
"""What a user is told of /etc: what is local, and what is changed both here and in the tree."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.sysroots import Host, ostree
from tests.toys import Toy

NAMES = ("both", "here", "tree", "gone here", "gone-in-tree", "mode", "folder/in")
ODD = os.fsdecode(b"odd\xff")


def config(version: str) -> Toy:
    files = {f"/etc/conf/{name}": "1\n" for name in NAMES if not (version == "2" and name == "gone-in-tree")}
    changed = {f"/etc/conf/{name}": f"{version}\n" for name in ("both", "tree", "gone here", "mode")}
    return Toy(
        "toy-config",
        version,
        {**files, **changed, "/etc/conf/link": f"-> {version}"},
        attributes={path: "%config(noreplace)" for path in files},
    )


@pytest.fixture
def configured(host: Host) -> Iterator[Host]:
    """A host with toy-config 1, whose user has been at work in /etc, and toy-config 2 on offer."""
    host.offer(config("1"))
    host.done("install", "toy-config")
    conf = host.tree / "etc/conf"
    for name in ("both", "here", "gone-in-tree"):
        (conf / name).write_text("mine\n")
    (conf / "gone here").unlink()
    (conf / "mode").chmod(0o600)
    (conf / "link").unlink()
    (conf / "link").symlink_to("mine")
    (conf / ODD).write_bytes(b"\xff\n")
    (conf / "two\nlines").write_text("")
    host.offer(config("2"))
    yield host


def test_what_is_local(configured: Host) -> None:
    local = {
        "modified": ["conf/both", "conf/gone-in-tree", "conf/here", "conf/link", "conf/mode"],
        "added": [f"conf/{ODD}", "conf/two\nlines"],
        "removed": ["conf/gone here"],
        "unread": [],
    }
    first, second = configured.status()
    assert first["etc"] == {
        "directory": f"{configured.tree}/etc",
        "defaults": f"{configured.tree}/usr/etc",
        "local": local,
        "conflicts": [],
        "obstacles": [],
    }
    assert (first["merge"], second["merge"]) == (True, False)
    assert (
        "     Local in /etc: 5 modified, 1 removed, 2 added\n"
        "                    Modified    /etc/conf/both\n"
        "                    Modified    /etc/conf/gone-in-tree\n"
        "                    Modified    /etc/conf/here\n"
        "                    Modified    /etc/conf/link\n"
        "                    Modified    /etc/conf/mode\n"
        "                    Removed     /etc/conf/gone here\n"
        "                    and 2 more (all of them: --json)\n"
    ) in configured.done("status")


def test_what_is_changed_on_both_sides(configured: Host) -> None:
    printed = configured.done("upgrade")
    assert (
        f"It is in {configured.sysroot}.\n5 files of /etc are changed both here and in the tree: yours are kept,"
        " 'dnf status' tells which.\nComplete!\n"
    ) in printed
    tree = configured.tree
    assert (
        " Conflicts in /etc: /etc/conf/both: changed here and in the tree; yours is kept\n"
        "                    /etc/conf/gone here: removed here, changed in the tree; it stays removed\n"
        "                    /etc/conf/gone-in-tree: changed here, removed in the tree; yours is kept\n"
        "                    /etc/conf/link: changed here and in the tree; yours is kept\n"
        "                    /etc/conf/mode: changed here and in the tree; yours is kept\n"
        f"      New defaults: {tree}/usr/etc\n"
        f"        Compare by: diff {tree}/etc/conf/both {tree}/usr/etc/conf/both\n"
    ) in configured.done("status")
    assert (tree / "etc/conf/both").read_text() == "mine\n" and (tree / "usr/etc/conf/both").read_text() == "2\n"
    assert (tree / "etc/conf/tree").read_text() == "2\n" and not (tree / "etc/conf/gone here").exists()
    assert [path.name for path in (tree / "usr/etc").rglob("*.rpm*")] == []
    shutil.copy(tree / "usr/etc/conf/both", tree / "etc/conf/both")
    settled = [conflict["path"] for conflict in configured.status()[0]["etc"]["conflicts"]]
    assert settled == ["conf/gone here", "conf/gone-in-tree", "conf/link", "conf/mode"]


def test_local_changes_are_those_that_libostree_sees(configured: Host) -> None:
    seen = ostree_config_diff(configured)
    local = configured.status()[0]["etc"]["local"]
    words = {"modified": "M", "added": "A", "removed": "D"}
    assert {(words[kind], path) for kind in words for path in local[kind]} == seen


def ostree_config_diff(host: Host) -> set[tuple[str, str]]:
    (host.tree / "etc/conf/two\nlines").unlink()
    (host.tree / f"etc/conf/{ODD}").rename(host.tree / "etc/conf/even")
    lines = ostree("admin", "config-diff", f"--sysroot={host.sysroot}", "--os=toy").splitlines()
    return {(line[0], line[1:].strip()) for line in lines}


def test_one_file_and_the_account_files(host: Host) -> None:
    host.offer(Toy("useradd", scripts="%post\nsed -i s/:x:/:y:/ /etc/passwd /etc/group\n"))
    for name in ("passwd", "group"):
        (host.tree / "etc" / name).write_text("mine\n")
    assert "changed both here" not in host.done("install", "useradd")
    assert (
        " Conflicts in /etc: /etc/group, /etc/passwd: yours kept, as on every host;"
        " packages bring their accounts by sysusers.d\n"
    ) in host.done("status")
    (host.tree / "etc/toy.conf").write_text("mine\n")
    host.offer(Toy("tune", scripts="%post\necho more >> /etc/toy.conf\n"))
    assert (
        "\n1 file of /etc is changed both here and in the tree: yours is kept, 'dnf status' tells how to compare.\n"
        "Complete!\n"
    ) in host.done("install", "tune")


def test_the_index_of_libraries(host: Host) -> None:
    host.offer(Toy("library", scripts="%post\necho more >> /etc/ld.so.cache\n"))
    (host.tree / "etc/ld.so.cache").write_text("mine\n")
    assert (
        f"It is in {host.sysroot}.\n"
        "ldconfig was run on this host: run it again after the reboot, for programs to find all new libraries.\n"
        "Complete!\n"
    ) in host.done("install", "library")
    status = host.done("status")
    words = "/etc/ld.so.cache: added here and in the tree; yours is kept: run 'ldconfig' after the reboot\n"
    assert f" Conflicts in /etc: {words}" in status and "Compare by:" not in status


def test_what_libostree_cannot_merge_is_refused(host: Host) -> None:
    (host.tree / "etc/toy.d").write_text("mine\n")
    host.offer(Toy("tune", files={"/etc/toy.d/tune.conf": "1\n"}))
    before = host.deployments()
    result = host.dnf("-y", "install", "tune")
    assert result.returncode == 1 and result.stdout.endswith(
        "Error: /etc/toy.d is a file here and a directory in the tree: libostree cannot merge that\n"
        "(remove it, or make it again what it is in /usr/etc, and try again)\n"
        "Nothing was deployed: the host is as it was.\n"
    )
    assert host.deployments() == before
    (host.tree / "etc/toy.d").unlink()
    host.done("install", "tune")
    assert (host.tree / "etc/toy.d/tune.conf").exists()
    shutil.rmtree(host.tree / "etc/toy.d")
    assert host.status()[0]["etc"]["local"]["removed"] == ["toy.d"]


def test_after_a_rollback_nothing_is_in_conflict(configured: Host) -> None:
    later = configured.dnf("-y", "upgrade", extra={"SOURCE_DATE_EPOCH": "4000000000"})
    assert later.returncode == 0 and len(configured.status()[0]["etc"]["conflicts"]) == 5
    configured.done("rollback")
    assert configured.status()[0]["etc"]["conflicts"] == []
