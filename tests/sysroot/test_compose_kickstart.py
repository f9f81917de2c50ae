# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree that begins with a kickstart, as the first prototype does: from its text to a tree that boots."""

from __future__ import annotations

from pathlib import Path

from tests import guard, sysroots, toys
from tests.sysroots import ostree
from tests.toys import APP, LIB, Toy

DRACUT = """#!/bin/sh
while [ "$1" != --kver ]; do [ "$1" = --tmpdir ] && work=$2; shift; done
mkdir -p $work/dracut.1/initramfs/usr/lib/ostree
touch $work/dracut.1/initramfs/usr/lib/ostree/ostree-prepare-root
echo the image > $3
"""
TOOLS = Toy("dracut", files={"/usr/bin/dracut": DRACUT}, attributes={"/usr/bin/dracut": "0755,root,root"})
KICKSTART = """lang de_DE.UTF-8
repo --name=toys --baseurl=file://{rpms}
part / --size=4000
selinux --permissive
%packages --nocore
toy-base
dracut
app
%end
%post
echo from the kickstart > /etc/motd
%end
"""


def test_a_kickstart_becomes_a_tree(folder: Path) -> None:
    rpms = toys.repository(folder / "rpms", [sysroots.BASE, TOOLS, LIB, APP])
    (folder / "tree.ks").write_text(KICKSTART.format(rpms=rpms))
    own = ["tree", "compose", f"{folder}/tree.ks", f"--repo={folder}/repo", f"--workdir={folder}/work"]
    done = guard.run(folder, guard.dnf_argv(folder, None, "--releasever=1", *own, "--branch=proto/1"))
    assert done.returncode == 0, done.stdout
    assert f"{folder}/tree.ks:3: part has no effect: it says how a host is installed" in done.stdout
    assert "proto/1: commit " in done.stdout and ", 4 packages.\n" in done.stdout

    repo, modules = f"--repo={folder}/repo", "/usr/lib/modules/6.1-toy"
    assert ostree("cat", repo, "proto/1", "/usr/etc/motd") == "from the kickstart\n"
    assert ostree("cat", repo, "proto/1", "/usr/etc/locale.conf") == "LANG=de_DE.UTF-8\n"
    assert ostree("cat", repo, "proto/1", f"{modules}/initramfs.img") == "the image\n"
    assert "usr/lib/ostree/ostree-prepare-root" in ostree("cat", repo, "proto/1", f"{modules}/initramfs.inputs")

    sysroots.make_sysroot(folder / "sysroot", sysroots.STATEROOT)
    ostree("pull-local", f"--repo={folder}/sysroot/ostree/repo", f"{folder}/repo", "proto/1")
    where = (f"--sysroot={folder}/sysroot", f"--os={sysroots.STATEROOT}")
    ostree("admin", "deploy", *where, "--karg=root=LABEL=toy", "proto/1")
    (entry,) = (folder / "sysroot/boot/loader/entries").iterdir()
    assert "\ninitrd " in entry.read_text()
