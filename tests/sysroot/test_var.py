# SPDX-License-Identifier: GPL-2.0-or-later
"""What packages and their scriptlets have outside /usr and /etc, before and after the boot."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tests.sysroots import Host
from tests.toys import Toy

TMPFILES = "usr/lib/tmpfiles.d"
FACTORY = "usr/share/factory"
ODD = ("two words", 'quote"d', "it's", "back\\slash", "per%cent", "  spaces  ", "ümlaut", "[x]*?{a,b}", "#hash")


def conf(host: Host, name: str) -> list[str]:
    return (host.tree / TMPFILES / f"ostree-layer-{name}.conf").read_text().splitlines()


def generated(host: Host) -> list[str]:
    return sorted(path.name for path in host.tree.glob(f"{TMPFILES}/ostree-layer*"))


STATEFUL = Toy(
    "stateful",
    files={
        "/var/lib/stateful/": "",
        "/var/lib/stateful/seed": "seed\n",
        "/var/lib/stateful/link": "-> seed",
        "/srv/stateful/index": "index\n",
        "/root/stateful.rc": "rc\n",
        "/home/stateful/": "",
        "/run/stateful/": "",
        "/tmp/stateful/": "",
    },
    attributes={"/var/lib/stateful/": "2750,root,root", "/root/stateful.rc": "4711,root,root"},
    scripts="%post\nmkdir /var/lib/by-script\nchmod 711 /var/lib/by-script\necho made > /var/lib/by-script/it\n"
    "chmod 1777 /var/lib/stateful\necho x > /var/log/x\nmkdir /var/cache/kept\necho y > /var/cache/kept/y\n"
    "mkdir /run/by-script\n",
)


def test_what_is_in_var_comes_by_tmpfiles(host: Host) -> None:
    host.offer(STATEFUL)
    host.done("install", "stateful")
    assert conf(host, "stateful") == [
        "d /run/stateful 0755 root root - -",
        "d /tmp/stateful 0755 root root - -",
        "d /var/cache/kept 0755 root root - -",
        "d /var/home/stateful 0755 root root - -",
        "d /var/lib/by-script 0711 root root - -",
        "C /var/lib/by-script/it - - - - /usr/share/factory/var/lib/by-script/it",
        "d /var/lib/stateful 1777 root root - -",
        "L /var/lib/stateful/link - - - - seed",
        "C /var/lib/stateful/seed - - - - /usr/share/factory/var/lib/stateful/seed",
        "C /var/roothome/stateful.rc - - - - /usr/share/factory/var/roothome/stateful.rc",
        "C /var/srv/stateful/index - - - - /usr/share/factory/var/srv/stateful/index",
    ]
    assert os.listdir(host.tree / "var") == []
    host.boot()
    assert (host.var / "srv/stateful/index").read_text() == "index\n"
    assert (host.var / "lib/by-script/it").read_text() == "made\n"
    assert stat.S_IMODE((host.var / "roothome/stateful.rc").stat().st_mode) == 0o4711
    assert stat.S_IMODE((host.var / "lib/stateful").stat().st_mode) == 0o1777
    host.fsck()


def test_a_host_that_has_the_files_keeps_its_own(host: Host) -> None:
    (host.var / "lib/stateful").mkdir(parents=True)
    (host.var / "lib/stateful/seed").write_text("mine\n")
    host.offer(STATEFUL)
    host.done("install", "stateful")
    host.boot()
    assert (host.var / "lib/stateful/seed").read_text() == "mine\n"
    assert os.readlink(host.var / "lib/stateful/link") == "seed"


def test_lines_go_with_the_package(host: Host) -> None:
    host.offer(STATEFUL)
    host.done("install", "stateful")
    removed = host.done("remove", "stateful")
    assert "warning" not in removed, removed
    assert generated(host) == [] and not (host.tree / FACTORY).exists()


def test_lines_of_a_replaced_package(host: Host) -> None:
    """What the new version does not have goes; what the first installation's scriptlet made stays."""
    script = "%post\n[ -d /var/lib/data ] || mkdir /var/lib/data\n"
    host.offer(Toy("app", "1", {"/var/lib/old/": "", "/var/lib/old/file": "1\n"}, scripts=script))
    host.done("install", "app")
    host.offer(Toy("app", "2", {"/var/lib/new/": "", "/var/lib/new/file": "2\n"}, scripts=script))
    assert "warning" not in host.done("upgrade", "app")
    assert conf(host, "app") == [
        "d /var/lib/data 0755 root root - -",
        "d /var/lib/new 0755 root root - -",
        "C /var/lib/new/file - - - - /usr/share/factory/var/lib/new/file",
    ]
    assert not (host.tree / FACTORY / "var/lib/old").exists()


def test_scriptlets_find_what_other_packages_have_in_var(host: Host) -> None:
    host.offer(STATEFUL, Toy("guest", scripts="%post\ncp /var/lib/stateful/seed /usr/share/found\n"))
    host.done("install", "stateful")
    host.done("install", "guest")
    assert (host.tree / "usr/share/found").read_text() == "seed\n"


def test_a_line_of_the_packages_own_comes_first(host: Host) -> None:
    own = {"/usr/lib/tmpfiles.d/own.conf": "d /var/lib/own 0700 root root -\n", "/var/lib/own/": ""}
    host.offer(Toy("own", files=own))
    host.done("install", "own")
    assert generated(host) == []


def test_a_file_that_two_packages_have_goes_with_the_second(host: Host) -> None:
    shared = {"/var/lib/shared/file": "same\n"}
    host.offer(Toy("one", files=shared), Toy("two", files=shared))
    host.done("install", "one", "two")
    host.done("remove", "one")
    assert (host.tree / FACTORY / "var/lib/shared/file").read_text() == "same\n"
    host.done("remove", "two")
    assert generated(host) == [] and not (host.tree / FACTORY).exists()


def test_odd_names(host: Host) -> None:
    files = {f"/var/lib/odd/{name}": f"{name}\n" for name in ODD}
    files |= {f"/var/lib/odd/dir-{name}/": "" for name in ODD} | {f"/opt/{name}/file": name for name in ODD}
    files |= {f"/var/lib/odd/link-{name}": f"-> {name}" for name in ODD}
    host.offer(Toy("odd", files=files))
    host.done("install", "odd")
    host.boot()
    for name in ODD:
        assert (host.var / f"lib/odd/{name}").read_text() == f"{name}\n"
        assert (host.var / f"lib/odd/dir-{name}").is_dir()
        assert os.readlink(host.var / f"lib/odd/link-{name}") == name
        assert os.readlink(host.var / f"opt/{name}") == f"../../usr/lib/opt/{name}"
        assert (host.tree / f"usr/lib/opt/{name}/file").read_text() == name
    host.done("remove", "odd")
    assert generated(host) == [] and not (host.tree / FACTORY).exists() and not (host.tree / "usr/lib/opt").exists()


def test_a_name_that_is_not_utf_8(host: Host) -> None:
    host.offer(Toy("latin", scripts="%post\nmkdir /var/lib/latin\necho ok > /var/lib/latin/$(printf 'caf\\351')\n"))
    host.done("install", "latin")
    host.boot()
    assert (host.var / "lib/latin" / os.fsdecode(b"caf\xe9")).read_text() == "ok\n"


def test_opt(host: Host) -> None:
    files = {"/opt/app/bin/app": "1\n", "/opt/app/share/": "", "/opt/app/link": "-> bin/app"}
    host.offer(Toy("app", "1", files, attributes={"/opt/app/bin/app": "0755,root,root"}))
    host.done("install", "app")
    assert (host.tree / "usr/lib/opt/app/bin/app").read_text() == "1\n"
    assert (host.tree / TMPFILES / "ostree-layer.conf").read_text() == "L /var/opt/app - - - - ../../usr/lib/opt/app\n"
    host.boot()
    assert os.readlink(host.var / "opt/app") == "../../usr/lib/opt/app"
    host.offer(Toy("app", "2", {"/opt/app/bin/app": "2\n"}))
    assert "warning" not in host.done("upgrade", "app")
    assert (host.tree / "usr/lib/opt/app/bin/app").read_text() == "2\n"
    assert os.listdir(host.tree / "usr/lib/opt/app") == ["bin"]
    host.done("remove", "app")
    assert generated(host) == [] and not (host.tree / "usr/lib/opt").exists()


def test_usr_local(host: Host) -> None:
    (host.var / "usrlocal/bin").mkdir(parents=True)
    (host.var / "usrlocal/bin/mine").write_text("mine\n")
    host.offer(Toy("local", files={"/usr/local/bin/tool": "1\n", "/usr/local/share/tool/data": "data\n"}))
    host.done("install", "local")
    host.boot()
    assert sorted(os.listdir(host.var / "usrlocal/bin")) == ["mine", "tool"]
    assert os.readlink(host.var / "usrlocal/bin/tool") == "../../../usr/lib/usrlocal/bin/tool"
    assert (host.tree / "usr/lib/usrlocal/share/tool/data").read_text() == "data\n"
    host.done("remove", "local")
    assert generated(host) == [] and not (host.tree / "usr/lib/usrlocal").exists()


def test_boot(host: Host) -> None:
    host.offer(Toy("loader", files={"/boot/efi/EFI/toy/loader.efi": "efi\n"}))
    host.done("install", "loader")
    assert (host.tree / "usr/lib/ostree-boot/efi/EFI/toy/loader.efi").read_text() == "efi\n"
    assert os.listdir(host.tree / "boot") == []
    host.done("remove", "loader")
    assert not (host.tree / "usr/lib/ostree-boot").exists()


def test_alternatives(host: Host) -> None:
    """Their state is a file in /var/lib/alternatives, as chkconfig has it, and links in /etc."""

    def candidate(name: str) -> Toy:
        state = "/var/lib/alternatives/editor"
        return Toy(
            name,
            files={f"/usr/bin/{name}": ""},
            scripts="%post\nmkdir -p /var/lib/alternatives\n"
            f"echo {name} >> {state}\nln -sf /usr/bin/{name} /etc/editor\n"
            f"%postun\nsed -i /{name}/d {state}\n[ -s {state} ] || rm -f {state} /etc/editor\n",
        )

    host.offer(candidate("vi"), candidate("ed"))
    host.done("install", "vi")
    host.done("install", "ed")
    assert (host.tree / "usr/lib/alternatives/editor").read_text() == "vi\ned\n"
    host.boot()
    assert os.readlink(host.var / "lib/alternatives/editor") == "../../../usr/lib/alternatives/editor"
    host.done("remove", "vi")
    assert (host.tree / "usr/lib/alternatives/editor").read_text() == "ed\n"
    assert os.readlink(host.tree / "usr/etc/editor") == "/usr/bin/ed"
    host.done("remove", "ed")
    assert not (host.tree / "usr/lib/alternatives").exists() and not os.path.lexists(host.tree / "usr/etc/editor")
    assert generated(host) == []


def test_a_fifo_in_var(host: Host) -> None:
    fifo = Toy("fifo", scripts="%post\nmkfifo -m 620 /var/lib/fifo\n")
    host.offer(fifo)
    host.done("install", "fifo")
    assert conf(host, "fifo") == ["p /var/lib/fifo 0620 root root - -"]
    host.boot()
    assert stat.S_ISFIFO((host.var / "lib/fifo").stat().st_mode)


def test_a_link_that_leads_out_of_the_tree(host: Host, folder: Path) -> None:
    """What we write into a tree after its scriptlets must not be written into the host."""
    victim = folder / "victim"
    victim.mkdir()
    evil = f"%post\nrm -rf /usr/share/factory /usr/lib/tmpfiles.d\nln -s {victim} /usr/share/factory\n"
    evil += f"ln -s {victim} /usr/lib/tmpfiles.d\necho x > /var/lib/x\n"
    host.offer(Toy("evil", scripts=evil))
    result = host.dnf("-y", "install", "evil")
    assert os.listdir(victim) == [], result.stdout
    host.fsck()
