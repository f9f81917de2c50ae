# SPDX-License-Identifier: GPL-2.0-or-later
"""What belongs to one machine does not get into its tree, whatever scriptlets do; what packages bring does."""

from __future__ import annotations

import os
import stat

from tests.sysroots import Host
from tests.toys import Toy

MADE = ("etc/machine-id", "etc/hostname", "etc/adjtime", "etc/resolv.conf", "etc/ssh/ssh_host_rsa_key")
STATE = ("var/lib/dbus/machine-id", "var/lib/systemd/random-seed", "var/lib/systemd/timers")
SETUP = "%post\nmkdir -p /etc/ssh /var/lib/dbus /var/lib/systemd\ntouch /etc/ssh/sshd_config\n" + "".join(
    f"rm -f /{path}\necho made > /{path}\n" for path in (*MADE, *STATE)
)
WORDS = "SSH host keys that a package made are left out of the tree; 'ssh-keygen -A' makes them where there are none.\n"


def test_what_scriptlets_make_for_a_machine(host: Host) -> None:
    (host.tree / "etc/machine-id").write_text("this host's\n")
    host.offer(Toy("setup", scripts=SETUP))
    assert f"{WORDS}Complete!\n" in host.done("install", "setup")
    assert [path for path in MADE if os.path.lexists(host.tree / "usr" / path)] == ["etc/machine-id"]
    assert (host.tree / "usr/etc/machine-id").read_text() == ""  # as it was composed
    assert os.listdir(host.tree / "usr/etc/ssh") == ["sshd_config"]
    lines = (host.tree / "usr/lib/tmpfiles.d/ostree-layer-setup.conf").read_text().splitlines()
    made = ["/var/lib/dbus", "/var/lib/systemd", "/var/lib/systemd/timers"]
    assert [line.split()[1] for line in lines] == made
    assert (host.tree / "etc/machine-id").read_text() == "this host's\n"


def test_what_the_tree_came_with_is_brought_back(host: Host) -> None:
    files = {"/etc/machine-id": "", "/etc/hostname": "packaged\n", "/etc/resolv.conf": "-> ../run/resolv.conf"}
    identity = Toy("identity", files=files, attributes={"/etc/hostname": "0600,root,root"})
    host.offer(identity, Toy("setup", scripts=SETUP))
    host.done("install", "identity")
    defaults = host.tree / "usr/etc"
    assert (defaults / "machine-id").read_text() == "" and (defaults / "hostname").read_text() == "packaged\n"
    host.done("install", "setup")
    defaults = host.tree / "usr/etc"
    assert (defaults / "machine-id").read_text() == ""
    assert (defaults / "hostname").read_text() == "packaged\n"
    assert stat.S_IMODE((defaults / "hostname").stat().st_mode) == 0o600
    assert os.readlink(defaults / "resolv.conf") == "../run/resolv.conf"
    assert not (defaults / "adjtime").exists()


def test_a_link_out_of_the_tree_is_not_followed(host: Host) -> None:
    outside = host.folder / "outside"
    outside.mkdir()
    (outside / "ssh_host_rsa_key").write_text("another's\n")
    host.offer(Toy("setup", scripts=f"%post\nln -s {outside} /etc/ssh\n"))
    host.done("install", "setup")
    assert (outside / "ssh_host_rsa_key").read_text() == "another's\n"
    assert os.readlink(host.tree / "usr/etc/ssh") == str(outside)
