# SPDX-License-Identifier: GPL-2.0-or-later
"""Users, groups and labels of composed trees."""

from __future__ import annotations

import json

from tests import policy
from tests.composing import Bench, server
from tests.sysroots import ostree
from tests.toys import Toy


def gid(bench: Bench, name: str) -> str:
    return bench.ls(f"/usr/share/{name}")[0].split()[2]


def test_ids_stay_when_another_package_comes_first(bench: Bench) -> None:
    bench.offer(server("mail"), server("abc"))
    bench.compose({"packages": ["mail"]})
    assert gid(bench, "mail") == "100"
    bench.compose({"packages": ["mail", "abc"]})
    assert gid(bench, "mail") == "100" != gid(bench, "abc")
    keys = {"packages": ["mail", "abc"], "preserve-passwd": False}
    said = bench.refusal(keys, "--no-parent")
    assert "the user mail had the id 100:100, and has 101:101" in said
    bench.compose({**keys, "check-passwd": {"type": "none"}, "check-groups": {"type": "none"}})
    assert (gid(bench, "abc"), gid(bench, "mail")) == ("100", "101")


def test_a_user_that_goes_is_refused_unless_it_may_go(bench: Bench) -> None:
    bench.offer(server("mail"))
    bench.compose({"packages": ["mail"]})
    said = bench.refusal({})
    assert "the user mail is not there any more; the group mail is not there any more" in said
    assert "the group mail" in bench.refusal({"ignore-removed-users": ["mail"]})
    bench.compose({"ignore-removed-users": ["mail"], "ignore-removed-groups": ["*"]})


def test_ids_are_compared_with_a_file_or_with_data(bench: Bench) -> None:
    bench.offer(server("mail"))
    bench.file("passwd", "root:x:0:0::/root:/bin/sh\nmail:x:8:12::/:/bin/sh\n")
    keys = {"packages": ["mail"], "check-passwd": {"type": "file", "filename": "passwd"}}
    said = bench.refusal({**keys, "preserve-passwd": False})
    assert "the user mail had the id 8:12, and has 100:100" in said
    checks = {"check-passwd": {"type": "data", "entries": {"root": 0, "mail": [100, 100]}}}
    data = {"type": "data", "entries": {"mail": 12, "gone": 3}}
    said = bench.refusal({"packages": ["mail"], **checks, "check-groups": data, "preserve-passwd": False})
    assert "the group mail had the id 12, and has 100; the group gone is not there any more" in said
    bench.compose({"packages": ["mail"], **checks})
    assert gid(bench, "mail") == "100"


def test_ids_of_a_file_or_of_data_are_given(bench: Bench) -> None:
    bench.offer(server("mail"), server("abc"))
    bench.file("passwd", "root:x:0:0::/root:/bin/sh\nmail:x:8:12::/:/bin/sh\n")
    checks = {"check-passwd": {"type": "file", "filename": "passwd"}, "ignore-removed-users": ["root"]}
    data = {"type": "data", "entries": {"mail": 12}}
    bench.compose({"packages": ["mail", "abc"], **checks, "check-groups": data})
    assert gid(bench, "mail") == "12"
    assert "mail:x:8:12:mail:/:/bin/sh\n" in bench.cat("/usr/etc/passwd")


def test_groups_of_altfiles_are_kept_in_etc_if_the_treefile_says_so(bench: Bench) -> None:
    alt = Toy("alt", files={"/usr/lib/group": "wheel:x:10:\ntape:x:33:\n"})
    bench.offer(alt, server("mail"))
    bench.compose({"packages": ["alt", "mail"]})
    assert "wheel" not in bench.cat("/usr/etc/group")
    bench.compose({"packages": ["alt", "mail"], "etc-group-members": ["wheel", "no-such"]})
    assert "wheel:x:10:\n" in bench.cat("/usr/etc/group") and "tape" not in bench.cat("/usr/etc/group")
    more = {"ref": "toy/tree", "base-refspec": "toy/tree", "etc-group-members": ["wheel", "tape"]}
    done = bench.attempt(bench.file("more.json", json.dumps({**more, "no-initramfs": True})))
    assert done.returncode == 0, done.stdout
    assert "tape:x:33:\n" in bench.cat("/usr/etc/group") and "mail:x:100:" in bench.cat("/usr/etc/group")


def test_files_are_labelled_unless_the_treefile_says_no(bench: Bench) -> None:
    bench.offer(policy.packages()[0])
    bench.compose({"packages": ["toy-policy"], "selinux-label-version": 0})
    wanted = {"/usr/share/toy/kept": "usr_t", "/usr/etc/passwd": "etc_t", "/usr/bin/busybox": "bin_t"}
    shown = {path: ostree("ls", "-X", f"--repo={bench.repo}", "toy/tree", path) for path in wanted}
    assert all(f":{kind}:" in shown[path] for path, kind in wanted.items()), shown
    bench.compose({"packages": ["toy-policy"], "selinux": False})
    assert "selinux" not in ostree("ls", "-X", f"--repo={bench.repo}", "toy/tree", "/usr/bin/busybox")
