# SPDX-License-Identifier: GPL-2.0-or-later
"""SELinux labels are those of the tree's own policy; a kernel with SELinux is not needed for it."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from tests import guard, policy
from tests.sysroots import Host, ostree
from tests.toys import APP, LIB, Toy

LOCAL = "ostree-layer/local/toy"
TYPE = re.compile(r"b'security\.selinux', b'system_u:object_r:(\w+):s0'")
LARGE = "large\n" * 500_000

MADE = Toy(
    "made",
    files={
        "/usr/bin/made": "1\n",
        "/usr/bin/passwd": "1\n",
        "/usr/bin/caps": "1\n",
        "/usr/bin/large": LARGE,
        "/usr/bin/link": "-> made",
        "/usr/lib/made/libmade.so": "1\n",
        "/usr/share/made/empty/": "",
        "/usr/share/toy/large": LARGE,
        "/etc/made.conf": "1\n",
        "/etc/hosts.allow": "1\n",
        "/etc/made.d/x": "1\n",
        "/var/lib/made/state": "1\n",
    },
    attributes={
        "/usr/bin/passwd": "4755,root,root",
        "/usr/bin/caps": "%caps(cap_net_raw=ep) %attr(0755,root,root)",
    },
    scripts="%pre\nrm -rf /usr/share/toy/gone\n%post\nln /usr/bin/caps /usr/share/made/caps\n"
    "ln /usr/bin/made /usr/bin/same\nln /usr/bin/large /usr/share/made/large\n",
)
MADE_TYPES = {
    "/usr/bin/made": "bin_t",
    "/usr/bin/same": "bin_t",
    "/usr/bin/passwd": "passwd_exec_t",
    "/usr/bin/caps": "bin_t",
    "/usr/bin/large": "bin_t",
    "/usr/bin/link": "bin_t",
    "/usr/lib/made": "lib_t",
    "/usr/lib/made/libmade.so": "lib_t",
    "/usr/share/made/empty": "usr_t",
    "/usr/share/made/caps": "usr_t",
    "/usr/share/made/large": "usr_t",
    "/usr/share/toy/large": "usr_t",
    "/usr/etc/made.conf": "etc_t",
    "/usr/etc/hosts.allow": "net_conf_t",
    "/usr/etc/made.d": "etc_t",
    "/usr/share/factory/var/lib/made/state": "systemd_factory_conf_t",
}


@pytest.fixture(scope="session")
def policies() -> tuple[Toy, Toy]:
    return policy.packages()


@pytest.fixture
def labelled(host: Host, policies: tuple[Toy, Toy]) -> Host:
    """The toy host with the policy, first version."""
    host.offer(policies[0])
    host.done("install", "toy-policy")
    return host


def listed(host: Host, ref: str) -> dict[str, str]:
    """What `ostree ls` says of each path of a tree: checksums, extended attributes and all."""
    lines = ostree("ls", host.repo, "-R", "-C", "-X", ref).splitlines()
    return {line.rpartition("} ")[2].partition(" -> ")[0]: line for line in lines}


def types(host: Host, ref: str = LOCAL) -> dict[str, str]:
    """The type in the label of each path of a tree; empty where it has no label."""
    found = {path: TYPE.search(line) for path, line in listed(host, ref).items()}
    return {path: label[1] if label else "" for path, label in found.items()}


def label(path: Path) -> str:
    return os.getxattr(path, "security.selinux", follow_symlinks=False).rstrip(b"\0").decode()


def test_what_a_transaction_writes_is_labelled(labelled: Host) -> None:
    before = types(labelled)
    labelled.offer(MADE)
    labelled.done("install", "made")
    after = types(labelled)
    assert {path: after[path] for path in MADE_TYPES} == MADE_TYPES
    assert "/usr/share/toy/gone" not in after
    for path in before.keys() & after.keys():
        assert after[path] == before[path], path
    tree = labelled.tree
    assert stat.S_IMODE((tree / "usr/bin/passwd").stat().st_mode) == 0o4755
    for name in ("usr/bin/caps", "usr/share/made/caps"):
        assert os.getxattr(tree / name, "security.capability")[4:8] == (1 << 13).to_bytes(4, "little")
    assert (tree / "usr/bin/same").samefile(tree / "usr/bin/made")
    assert label(tree / "usr/bin/large") == "system_u:object_r:bin_t:s0"
    assert label(tree / "usr/bin/link") == "system_u:object_r:bin_t:s0"
    assert label(tree / "usr/share/made") == "system_u:object_r:usr_t:s0"
    assert (tree / "usr/share/made/large").read_text() == LARGE
    labelled.fsck()


def test_the_first_policy_labels_the_whole_tree(labelled: Host) -> None:
    found = types(labelled)
    assert [path for path, kind in found.items() if not kind] == []
    expected = {
        "/": "root_t",
        "/bin": "bin_t",
        "/home": "home_root_t",
        "/tmp": "tmp_t",
        "/usr/bin/busybox": "bin_t",
        "/usr/bin/sh": "bin_t",
        "/usr/etc": "etc_t",
        "/usr/etc/passwd": "etc_t",
        "/usr/etc/selinux/config": "selinux_config_t",
        "/usr/lib/modules/6.1-toy/vmlinuz": "modules_object_t",
        "/usr/lib/sysimage/rpm/rpmdb.sqlite": "lib_t",
        "/usr/share/toy/gone/a": "usr_t",
    }
    assert {path: found[path] for path in expected} == expected
    assert set(types(labelled, labelled.status()[1]["checksum"]).values()) == {""}
    assert os.readlink(labelled.tree / "usr/bin/sh") == "busybox"
    assert os.access(labelled.tree / "usr/bin/busybox", os.X_OK)
    labelled.fsck()


def test_a_host_is_labelled_whole(labelled: Host) -> None:
    state = {
        labelled.tree: "root_t",
        labelled.tree / "etc": "etc_t",
        labelled.tree / "etc/passwd": "etc_t",
        labelled.tree / "etc/selinux/default/policy": "policy_config_t",
        labelled.tree.parents[1] / "var": "var_t",
        labelled.tree.parents[1] / "var/lib": "var_lib_t",
        labelled.tree.parents[1] / "var/log": "var_log_t",
    }
    assert {path: label(path) for path in state} == {
        path: f"system_u:object_r:{kind}:s0" for path, kind in state.items()
    }


def test_a_new_policy_changes_what_it_labels_differently(labelled: Host, policies: tuple[Toy, Toy]) -> None:
    labelled.offer(policies[1])
    labelled.done("upgrade", "toy-policy")
    before, after = (types(labelled, deployed["checksum"]) for deployed in reversed(labelled.status()[:2]))
    assert {path: (before[path], after[path]) for path in before if before[path] != after[path]} == {
        path: ("usr_t", "man_t")
        for path in ("/usr/share/toy", "/usr/share/toy/kept", "/usr/share/toy/gone", "/usr/share/toy/gone/a")
    }
    assert label(labelled.tree / "usr/share/toy/kept") == "system_u:object_r:man_t:s0"
    assert (labelled.tree / "usr/share/toy/kept").read_text() == "kept\n"
    labelled.fsck()


def test_without_its_policy_a_tree_loses_its_labels(labelled: Host) -> None:
    first = labelled.status()[1]["checksum"]
    labelled.done("remove", "toy-policy")
    assert set(types(labelled).values()) == {""}
    former, now = listed(labelled, first), listed(labelled, LOCAL)
    for path in ("/usr/bin/busybox", "/usr/share/toy", "/usr/share/toy/kept", "/bin", "/tmp"):
        assert now[path] == former[path]
    labelled.fsck()


def test_a_policy_that_is_switched_off_labels_nothing(host: Host, policies: tuple[Toy, Toy]) -> None:
    off = {**policies[0].files, "/etc/selinux/config": "SELINUX=disabled\nSELINUXTYPE=default\n"}
    host.offer(Toy("off", files=off, attributes=policies[0].attributes), APP, LIB)
    host.done("install", "off")
    host.done("install", "app")
    assert set(types(host).values()) == {""}
    host.fsck()


def test_a_policy_that_is_built_by_a_scriptlet(host: Host) -> None:
    host.offer(policy.source(), APP, LIB)
    host.done("install", "toy-policy")
    tree = host.tree
    assert (tree / "usr/etc/selinux/semanage.conf").read_text().endswith("\nstore-root = /etc/selinux/store\n")
    assert sorted(os.listdir(tree / "usr/etc/selinux/store/default/active/modules/400")) == sorted(policy.MODULES)
    assert sorted(os.listdir(tree / "etc/selinux/store/default/active/modules/400")) == sorted(policy.MODULES)
    assert stat.S_IMODE((tree / "usr/etc/selinux/store/default").stat().st_mode) == 0o700
    lines = (tree / "usr/lib/tmpfiles.d/ostree-layer.conf").read_text()
    assert lines == "L /var/lib/selinux - - - - ../../etc/selinux/store\n"
    host.done("install", "app")
    found = types(host)
    assert found["/usr/bin/app"] == "bin_t"
    assert [path for path, kind in found.items() if not kind] == []
    host.fsck()


def test_a_machine_without_bubblewrap(host: Host, policies: tuple[Toy, Toy]) -> None:
    host.offer(policies[0])
    hidden = host.folder / "hidden"
    hidden.mkdir()
    os.mknod(hidden / "bwrap", stat.S_IFCHR, os.makedev(0, 0))  # overlayfs's mark of what is not there
    hide = 'mount -t overlay overlay -o "lowerdir=$0:/usr/bin" /usr/bin && exec "$@"'
    argv = ["sh", "-c", hide, os.fspath(hidden), *host.dnf_argv("-y", "install", "toy-policy")]
    result = guard.run(host.folder, argv, host.environment())
    assert result.returncode == 1
    assert result.stdout.endswith(
        "Error: /usr/bin/bwrap is not on this host, and libostree deploys a tree with an SELinux policy by it\n"
        "(install bubblewrap first, and reboot)\nNothing was deployed: the host is as it was.\n"
    )
    assert len(host.deployments()) == 1
