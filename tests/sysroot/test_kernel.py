# SPDX-License-Identifier: GPL-2.0-or-later
"""One kernel, the index of its modules, and an initramfs that is made when it must be; dracut is a toy."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import conftest, guard, sysroots, toys
from tests.sysroots import Host, ostree
from tests.toys import APP, LIB, Toy

AS_IT_WAS = "Nothing was deployed: the host is as it was.\n"
MODULES = "usr/lib/modules"
# An "initramfs" of these toys is its own listing.
LISTING = """\
Arguments: {arguments}
========================================================================
drwxr-xr-x   2 root     root            0 Jan  1  1970 etc
-rw-r--r--   1 root     root         4096 Jan  1  1970 etc/inside.conf
crw-r--r--   1 root     root       5,   1 Jan  1  1970 dev/console
lrwxrwxrwx   1 root     root            7 Mar 19 12:00 lib/inside -> there
-rw-r--r--   1 root     root            1 Jan  1  1970 usr/lib/modules/{kver}/kernel/big-disk.ko.xz
-rw-r--r--   1 root     root            1 Jan  1  1970 usr/lib/modules/{kver}/modules.dep
"""
STARTER = "-rwxr-xr-x   1 root     root            1 Jan  1  1970 usr/lib/ostree/ostree-prepare-root\n"
# Each says in the tree how often it ran.
DRACUT = """#!/bin/sh
while [ "$1" != --kver ]; do arguments="$arguments $1"; shift; done
echo x >> /usr/share/dracut-runs
cat > $3 <<END
{listing}END
"""
LSINITRD = "#!/bin/sh\necho x >> /usr/share/lsinitrd-runs\ncat $1\n"
DEPMOD = '#!/bin/sh\ncd /usr/lib/modules/$2\nls */*.ko* > modules.dep\n[ "$1" = -a ]\n'

BASE = dataclasses.replace(
    sysroots.BASE, files={path: text for path, text in sysroots.BASE.files.items() if MODULES not in path}
)
INSIDE = Toy("inside", files={"/usr/lib/inside": "1\n", "/etc/inside.conf": "1\n"})
OUTSIDE = Toy("outside", files={"/usr/lib/outside": "1\n"})


def dracut(version: str, program: str) -> Toy:
    files = {"/usr/bin/dracut": program, "/usr/bin/lsinitrd": LSINITRD}
    return Toy("dracut", version, files, attributes=dict.fromkeys(files, "0755,root,root"))


def shell(listing: str) -> str:
    return DRACUT.format(listing=listing.format(arguments="$arguments", kver="$2"))


MAKE_INITRAMFS = """cd /usr/lib/modules
for kver in *; do
    cat > $kver/initramfs.img <<END
{listing}END
done
""".format(listing=(LISTING + STARTER).format(arguments="", kver="$kver"))

KMOD = Toy("kmod", files={"/usr/sbin/depmod": DEPMOD}, attributes={"/usr/sbin/depmod": "0755,root,root"})
TOOLS = dracut("1", shell(LISTING + STARTER))


def kernel(version: str, name: str = "kernel", scripts: str = "") -> Toy:
    folder = f"/{MODULES}/{version}-toy"
    files = {f"{folder}/{file}": version for file in ("vmlinuz", "modules.builtin", "kernel/big-disk.ko.xz")}
    return Toy(name, version, files, scripts=scripts)


def compose(work: Path, packages: list[Toy]) -> Path:
    """A tree of these packages whose composer made an initramfs for it, and wrote nothing down."""
    repository = toys.repository(work / "rpms", packages)
    return sysroots.compose(work, repository, [toy.name for toy in packages], postprocess=MAKE_INITRAMFS)


@pytest.fixture(scope="module")
def tree() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tree-", dir=conftest.place()) as work:
        yield compose(Path(work), [BASE, kernel("1"), KMOD, TOOLS, INSIDE, OUTSIDE])


@pytest.fixture
def host(folder: Path, tree: Path) -> Iterator[Host]:
    made = sysroots.make_host(folder / "host", tree)
    made.offer()
    yield made
    made.wait_for_cleaner()


def runs(host: Host, program: str) -> int:
    counter = host.tree / f"usr/share/{program}-runs"
    return counter.read_text().count("x") if counter.exists() else 0


def content(host: Host) -> dict[str, list[str]]:
    """The kernels of the tree, and the files of each."""
    folders = (host.tree / MODULES).iterdir()
    return {f.name: sorted(str(p.relative_to(f)) for p in f.rglob("*") if not p.is_dir()) for f in folders}


def refused(host: Host, *arguments: str) -> str:
    before = host.deployments()
    result = host.dnf("-y", *arguments)
    assert result.returncode == 1 and "Complete!" not in result.stdout, result.stdout
    assert host.deployments() == before
    return result.stdout


WHOLE = ["initramfs.img", "initramfs.inputs", "kernel/big-disk.ko.xz", "modules.builtin", "modules.dep", "vmlinuz"]


def test_upgrade_downgrade_and_reinstall_give_one_whole_kernel(host: Host) -> None:
    host.offer(kernel("1"), kernel("2"))
    for arguments, kver in ((["upgrade"], "2"), (["downgrade", "kernel"], "1"), (["reinstall", "kernel"], "1")):
        host.done(*arguments)
        assert content(host) == {f"{kver}-toy": WHOLE}
        folder = host.tree / MODULES / f"{kver}-toy"
        assert (folder / "modules.dep").read_text() == "kernel/big-disk.ko.xz\n"
        assert (folder / "initramfs.img").read_text().splitlines()[0] == (
            "Arguments:  --quiet --force --no-hostonly --reproducible --add ostree --keep --tmpdir /var/tmp/initramfs"
        )
        host.fsck()
    assert runs(host, "dracut") == 3


def test_the_composers_arguments_for_dracut(host: Host) -> None:
    wanted = "--add-metadata=rpmostree.initramfs-args=['--no-hostonly', '--omit', 'nfs']"
    ostree("commit", host.repo, f"--branch={sysroots.REF}", f"--tree=ref={sysroots.REF}", wanted)
    ostree("admin", "deploy", f"--sysroot={host.sysroot}", f"--os={sysroots.STATEROOT}", sysroots.REF)
    host.offer(kernel("2"), kernel("3"))
    for version in ("2", "3"):  # the second time, from a local commit
        host.done("upgrade", f"kernel-{version}")
        image = host.tree / MODULES / f"{version}-toy/initramfs.img"
        assert " --no-hostonly --omit nfs --reproducible " in image.read_text().splitlines()[0]


def test_only_a_change_of_what_is_in_the_initramfs_makes_a_new_one(host: Host) -> None:
    host.offer(APP, LIB)
    host.done("install", "app")
    assert (runs(host, "lsinitrd"), runs(host, "dracut")) == (0, 0), "new files cannot be in an old initramfs"
    for version in ("2", "3"):
        host.offer(dataclasses.replace(OUTSIDE, version=version, files={"/usr/lib/outside": version}))
        host.done("upgrade")
        assert (runs(host, "lsinitrd"), runs(host, "dracut")) == (1, 0), "what is in it is found out once"
    host.offer(dataclasses.replace(INSIDE, version="2", files={**INSIDE.files, "/usr/lib/inside": "2\n"}))
    host.done("upgrade")
    assert runs(host, "dracut") == 1
    host.offer(dataclasses.replace(INSIDE, version="3", files={"/usr/lib/inside": "2\n", "/etc/inside.conf": "3\n"}))
    host.done("upgrade")
    assert runs(host, "dracut") == 2
    host.offer(Toy("blacklist", files={"/usr/lib/modprobe.d/blacklist.conf": "blacklist x\n"}))
    host.done("install", "blacklist")
    assert runs(host, "dracut") == 3, "dracut takes what is there"
    host.done("remove", "app", "outside")
    assert runs(host, "dracut") == 3


def test_modules_of_third_parties(host: Host) -> None:
    running = "%post\nmkdir -p /usr/lib/modules/9-running\ntouch /usr/lib/modules/9-running/modules.dep\n"
    host.offer(
        Toy("kmod-new", files={f"/{MODULES}/1-toy/extra/new.ko": "new"}, scripts=running),
        Toy("kmod-other", files={f"/{MODULES}/0-toy/extra/other.ko": "other"}),
        Toy("kmod-disk", files={f"/{MODULES}/1-toy/extra/big_disk.ko": "better"}),
    )
    host.done("install", "kmod-new", "kmod-other")
    assert (host.tree / MODULES / "1-toy/modules.dep").read_text() == "extra/new.ko\nkernel/big-disk.ko.xz\n"
    assert runs(host, "dracut") == 0
    assert sorted(content(host)) == ["0-toy", "1-toy"], "what a scriptlet made for the running kernel is gone"
    host.done("install", "kmod-disk")
    assert runs(host, "dracut") == 1, "it is loaded in the place of one that is in the initramfs"
    host.done("remove", "kmod-new", "kmod-other")
    assert sorted(content(host)) == ["1-toy"]
    assert (host.tree / MODULES / "1-toy/modules.dep").read_text() == "extra/big_disk.ko\nkernel/big-disk.ko.xz\n"


def in_boot(version: str) -> Toy:
    """A kernel as Debian packages it, with hooks that would make an initramfs, or ask kernel-install to."""
    made = kernel(version)
    kver = f"{version}-toy"
    files = {path: text for path, text in made.files.items() if not path.endswith("vmlinuz")}
    files |= {f"/boot/{name}": version for name in (f"vmlinuz-{kver}", f"symvers-{kver}.gz", f"dtb-{kver}/board.dtb")}
    script = f"echo hook > /boot/initrd.img-{kver}\necho $INITRD $KERNEL_INSTALL_BYPASS > /usr/share/hooks\n"
    return dataclasses.replace(made, files=files, scripts=f"%post\n{script}")


def test_a_kernel_that_comes_in_boot(host: Host) -> None:
    host.offer(in_boot("2"), in_boot("3"))
    for version in ("2", "3"):
        host.done("upgrade", f"kernel-{version}")
        assert content(host) == {f"{version}-toy": sorted([*WHOLE, "dtb/board.dtb", "symvers.gz"])}
        assert (host.tree / MODULES / f"{version}-toy/vmlinuz").read_text() == version
        assert os.listdir(host.tree / "boot") == []
        assert (host.tree / "usr/share/hooks").read_text() == "No 1\n"
    host.done("reinstall", "kernel")
    assert (host.tree / MODULES / "3-toy/dtb/board.dtb").read_text() == "3" and runs(host, "dracut") == 3
    assert "the transaction removes the kernel, and the host would not boot without one\n" in refused(
        host, "remove", "kernel"
    )


def test_not_exactly_one_kernel(host: Host) -> None:
    host.offer(kernel("2", "other-kernel"))
    assert refused(host, "install", "other-kernel").endswith(
        "Error: the tree would have 2 kernels, and needs exactly one: "
        "1-toy (kernel-1-1.noarch), 2-toy (other-kernel-2-1.noarch)\n"
        f"('dnf swap OLD NEW' replaces one package by another)\n{AS_IT_WAS}"
    )
    assert refused(host, "remove", "kernel").endswith(
        "Error: the transaction removes the kernel, and the host would not boot without one\n"
        f"('dnf swap OLD NEW' replaces one package by another)\n{AS_IT_WAS}"
    )
    host.done("swap", "kernel", "other-kernel")
    assert content(host) == {"2-toy": WHOLE}


def test_an_initramfs_that_would_not_boot(host: Host) -> None:
    host.offer(kernel("2"), dracut("2", shell(LISTING)), dracut("3", "#!/bin/sh\necho no disk for it >&2\nexit 3\n"))
    assert refused(host, "upgrade", "kernel", "dracut-2").endswith(
        "Error: the initramfs of 2-toy has no ostree-prepare-root, so the host would not boot\n"
        f"(install the package that has dracut's ostree module, such as ostree or ostree-boot)\n{AS_IT_WAS}"
    )
    assert refused(host, "upgrade", "kernel", "dracut").endswith(
        "Error: the initramfs of 2-toy cannot be made: dracut --quiet --force --no-hostonly --reproducible --add "
        "ostree --keep --tmpdir /var/tmp/initramfs --kver 2-toy /usr/lib/modules/2-toy/initramfs.img "
        f"exited with status 3: no disk for it\n{AS_IT_WAS}"
    )


def test_a_tree_without_the_tools(host: Host) -> None:
    host.offer(kernel("2"), dataclasses.replace(INSIDE, version="2", files={"/usr/lib/inside": "2\n"}))
    host.done("remove", "dracut")
    host.done("upgrade", "inside")
    assert runs(host, "lsinitrd") == 0, "what cannot be made anew stays as it was composed"
    assert refused(host, "upgrade", "kernel").endswith(
        "Error: the kernel 2-toy needs an initramfs, and the tree has no dracut to make it\n"
        f"(install dracut too, or leave the kernel out)\n{AS_IT_WAS}"
    )
    host.done("remove", "kmod")
    assert refused(host, "upgrade", "kernel").endswith(
        "Error: the modules of the kernel 2-toy have changed, and the tree has no depmod to index them\n"
        f"(install kmod first, or in the same transaction)\n{AS_IT_WAS}"
    )


# The small file system is gone with the mount namespace that the run is in.
SMALL_BOOT = 'mount -t tmpfs -o size=1536k tmpfs "$1" && cp -a "$2/." "$1" && shift 2 && exec "$@"'


def with_small_boot(host: Host, *arguments: str) -> subprocess.CompletedProcess[str]:
    boot, copy = host.sysroot / "boot", host.folder / "boot"
    shutil.copytree(boot, copy, symlinks=True)
    argv = ["sh", "-c", SMALL_BOOT, "sh", str(boot), str(copy), *host.dnf_argv("-y", *arguments)]
    done = guard.run(host.folder, argv, host.environment())
    shutil.rmtree(copy)
    return done


def test_a_kernel_for_which_boot_has_no_room(host: Host) -> None:
    before = host.deployments()
    host.offer(dataclasses.replace(big := kernel("2"), files={path: b"2" * 750_000 for path in big.files}), APP, LIB)
    done = with_small_boot(host, "upgrade")
    assert done.returncode == 1 and done.stdout.endswith(
        f"Error: the kernel and the initramfs of the new deployment need 2 MB in {host.sysroot}/boot, which has 1 MB"
        " left\n('ostree admin undeploy INDEX' takes away a deployment that nobody needs any more, and its kernel)\n"
        + AS_IT_WAS
    )
    assert host.deployments() == before
    host.fsck()
    done = with_small_boot(host, "install", "app")
    assert done.returncode == 0, "the kernel is there already"
