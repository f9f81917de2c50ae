# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF's own verbs on a sysroot that is not booted: each run that changes something is one new deployment."""

from __future__ import annotations

import os
import shutil

import pytest

from tests import toys
from tests.sysroots import Host, ostree
from tests.toys import APP, LIB, Toy

NEW_TOOL = Toy("toy-tool", "2", {"/usr/bin/toy-tool": "2\n", "/usr/share/toy-tool/new": "2\n"}, requires=("toy-base",))


def test_install_and_remove(host: Host) -> None:
    host.offer(APP, LIB)
    before = host.deployments()
    printed = host.done("install", "app")
    first = host.deployments()
    assert len(first) == 2 and first[1:] == before
    assert f"\nNew deployment {first[0][:12]} (1.0). It is in {host.sysroot}.\nComplete!\n" in printed
    assert (host.tree / "usr/bin/app").read_text() == "1\n"
    assert (host.tree / "usr/etc/app.conf").read_text() == (host.tree / "etc/app.conf").read_text() == "a=1\n"
    assert host.status()[0]["requests"]["packages"] == ["app"]

    host.done("remove", "app")
    assert host.deployments()[1] == first[0] and len(host.deployments()) == 2
    assert not (host.tree / "usr/bin/app").exists() and not (host.tree / "usr/lib/lib").exists()
    assert host.status()[0]["requests"] == dict.fromkeys(host.status()[0]["requests"], [])
    host.fsck()


def test_two_installs_add_up(host: Host) -> None:
    host.offer(APP, LIB, Toy("other", files={"/usr/bin/other": ""}))
    host.done("install", "app")
    host.done("install", "other")
    assert host.status()[0]["requests"]["packages"] == ["app", "other"]
    assert (host.tree / "usr/bin/app").exists() and (host.tree / "usr/bin/other").exists()
    base = host.status()[0]["base"]
    assert ostree("rev-parse", host.repo, f"ostree-layer/base/{base}").strip() == base == host.status()[1]["base"]


def test_a_base_that_is_no_longer_deployed_is_kept(host: Host) -> None:
    host.offer(APP, LIB, Toy("other"))
    base = host.deployments()[0].partition(".")[0]
    for name in ("app", "other"):
        host.done("install", name)
    host.wait_for_cleaner()
    ostree("refs", host.repo, "--delete", "toy/1/base")
    host.done("remove", "app")
    host.wait_for_cleaner()
    assert base not in " ".join(host.deployments())
    assert base in ostree("log", host.repo, "ostree-layer/local/toy")


@pytest.mark.parametrize("verb", ["upgrade", "distro-sync", "update"])
def test_upgrade(host: Host, verb: str) -> None:
    host.offer(NEW_TOOL)
    host.done(verb)
    assert (host.tree / "usr/bin/toy-tool").read_text() == "2\n"
    assert not (host.tree / "usr/share/toy-tool/old").exists()
    assert (host.tree / "usr/share/toy-tool/new").exists()
    assert host.status()[0]["requests"]["replaced"] == ["toy-tool-2-1.noarch"]
    assert host.status()[0]["changes"]["upgraded"] == [["toy-tool-1-1.noarch", "toy-tool-2-1.noarch"]]


def test_downgrade_and_reinstall(host: Host) -> None:
    host.offer(NEW_TOOL, Toy("toy-tool", "1", {"/usr/bin/toy-tool": "1\n", "/usr/share/toy-tool/old": "1\n"}))
    host.done("upgrade")
    host.done("downgrade", "toy-tool")
    assert (host.tree / "usr/bin/toy-tool").read_text() == "1\n"
    before = host.deployments()[0]
    host.done("reinstall", "toy-tool")
    assert host.deployments()[0] != before


def test_swap(host: Host) -> None:
    host.offer(Toy("toy-better", files={"/usr/bin/toy-better": ""}))
    host.done("swap", "toy-tool", "toy-better")
    assert host.status()[0]["requests"]["removed"] == ["toy-tool"]
    assert host.status()[0]["requests"]["packages"] == ["toy-better"]


def test_mark_and_autoremove(host: Host) -> None:
    printed = host.done("mark", "remove", "toy-tool")
    assert "New deployment" in printed and len(host.deployments()) == 2
    assert "toy-tool" in host.done("autoremove")
    assert not (host.tree / "usr/bin/toy-tool").exists()


def test_history_undo_and_redo(host: Host) -> None:
    host.offer(APP, LIB)
    host.done("install", "app")
    host.done("history", "undo", "last")
    assert not (host.tree / "usr/bin/app").exists()
    host.done("history", "redo", "2")
    assert (host.tree / "usr/bin/app").exists()
    host.done("history", "rollback", "1")
    assert not (host.tree / "usr/bin/app").exists() and not (host.tree / "usr/lib/lib").exists()
    assert "history rollback 1" in host.done("history", "info", "last")


GROUP = """<comps><group><id>apps</id><name>Apps</name><description/><uservisible>true</uservisible>
<packagelist><packagereq type="mandatory">app</packagereq></packagelist></group></comps>
"""


def test_group(host: Host) -> None:
    host.offer(APP, LIB)
    comps = host.folder / "comps.xml"
    comps.write_text(GROUP)
    toys.index(host.repository, comps)
    host.done("group", "install", "apps")
    assert host.status()[0]["requests"]["groups"] == ["apps"]
    assert (host.tree / "usr/bin/app").exists()
    host.done("group", "remove", "apps")
    assert host.status()[0]["requests"]["groups"] == []


def test_a_session_of_several_transactions_is_one_deployment(host: Host) -> None:
    host.offer(APP, LIB, Toy("other"))
    script = host.folder / "script"
    script.write_text("install app\nrun\ninstall other\nrun\nremove other\nrun\nmark remove app\nexit\n")
    before = host.deployments()
    printed = host.done("shell", os.fspath(script))
    assert printed.count("New deployment") == 1 and host.deployments()[1:] == before
    assert host.status()[0]["changes"]["added"] == ["app-1-1.noarch", "lib-1-1.noarch"]
    assert host.status()[0]["requests"]["packages"] == []


def test_a_session_without_exit_and_one_from_a_pipe(host: Host) -> None:
    host.offer(APP, LIB, Toy("other"))
    script = host.folder / "script"
    script.write_text("install app\nrun\n")
    host.done("shell", os.fspath(script))
    assert (host.tree / "usr/bin/app").exists()
    result = host.dnf("-y", "shell", answer="install other\nrun\nexit\n")
    assert result.returncode == 0 and "New deployment" in result.stdout
    assert len(host.deployments()) == 2


def test_local_file(host: Host) -> None:
    (host.folder / "plugins.d").mkdir(exist_ok=True)
    (host.folder / "plugins.d/ostree.conf").write_text("[main]\nhistory=1\n")
    host.offer(LIB)
    mine = toys.build(Toy("mine", files={"/usr/bin/mine": ""}, requires=("lib",)))
    shutil.copy(mine, host.folder / "mine.rpm")
    host.done("install", f"{host.folder}/mine.rpm")
    (entry,) = host.status()[0]["requests"]["local"]
    digest, _, nevra = entry.partition(":")
    assert nevra == "mine-1-1.noarch" and (host.work / f"rpms/{digest}.rpm").read_bytes() == mine.read_bytes()
    assert host.status()[0]["requests"]["packages"] == []
    for verb in ("remove", "install"):
        host.done(verb, "mine" if verb == "remove" else "lib")
    host.offer(Toy("other"))
    host.done("install", "other")
    host.wait_for_cleaner()
    assert list((host.work / "rpms").iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--assumeno", "install", "app"],
        ["-y", "install", "--downloadonly", "app"],
        ["-y", "--setopt=tsflags=test", "install", "app"],
        ["-y", "install", "toy-tool"],
        ["-y", "upgrade"],
        ["-y", "autoremove"],
    ],
    ids=" ".join,
)
def test_what_changes_nothing_deploys_nothing(host: Host, arguments: list[str]) -> None:
    host.offer(APP, LIB)
    before = host.deployments()
    printed = host.dnf(*arguments).stdout
    assert "deployment" not in printed and host.deployments() == before
    assert list((host.work / "staging").iterdir()) == []


def test_a_no_at_the_prompt(host: Host) -> None:
    host.offer(APP, LIB)
    before = host.deployments()
    result = host.dnf("install", "app", answer="n\n")
    assert result.returncode == 1 and result.stdout.endswith("Operation aborted.\n")
    result = host.dnf("install", "app", answer="y\n")
    assert result.returncode == 0 and host.deployments()[1:] == before


def test_the_users_own_installroot_is_left_alone(host: Host) -> None:
    host.offer(APP, LIB)
    before = host.deployments()
    root = host.folder / "own"
    result = host.dnf("-y", f"--installroot={root}", "--releasever=1", "install", "app")
    assert result.returncode == 0 and (root / "usr/bin/app").exists() and (root / "etc/app.conf").exists()
    assert host.deployments() == before and "deployment" not in result.stdout
