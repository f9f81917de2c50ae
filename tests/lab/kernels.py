# SPDX-License-Identifier: GPL-2.0-or-later
"""A second repository for the lab: dracut, a newer version of the base tree's kernel, and a module for that.

Debian has a newer kernel that really boots; elsewhere it is the same one by another name.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import NamedTuple

from ostree_layer import checkout, metadata, repo
from ostree_layer.model import Package
from ostree_layer.ostree_gi import OSTree, gfile
from tests import cached, rpmbuild, toys
from tests.lab import convert, debian, host, own, world
from tests.lab.convert import Fixup
from tests.toys import CACHE, Toy

DEBIAN_DRACUT = ("dracut-core", "ostree-boot")
OWN_DRACUT = ("dracut", "ostree")
DEBIAN_KERNEL, OTHER = "linux-image-6.12-cloud-amd64", "99.0-lab"
MODULES = "usr/lib/modules"
KERNEL = re.compile(r"linux-image-\d.*|kernel-core")
IMAGE = re.compile(r"linux-image-6\.12\.\d.*")
# dracut with few drivers and modules: in seconds, and not in half a minute.
SMALL = Toy(
    "dracut-config-small",
    files={
        "/usr/lib/dracut/dracut.conf.d/50-small.conf": 'drivers="virtio_blk virtio_pci ext4 overlay"\ncompress="gzip"\n'
        'dracutmodules="systemd systemd-initrd dracut-systemd ostree rootfs-block udev-rules base fs-lib shutdown"\n'
    },
)
# As in Fedora's package; and the module index of whatever kernel is running, as many third parties' packages do.
SCRIPTS = """%post
depmod -a || :
%posttrans
kernel-install add {kver} /{modules}/{kver}/vmlinuz || exit $?
"""


class Kernel(NamedTuple):
    """A newer kernel: what it is called, as a package and by itself, and one of its modules: its ending and bytes."""

    evr: str
    kver: str
    ending: str
    module: bytes


def repository() -> Path:
    """The repository, made now if it is not in the cache."""
    base = host.base_repo()
    description = Path(__file__).read_bytes() + base.name.encode()
    return cached.folder("kernels", description, lambda work, made: _fill(work, made, base))


def kver() -> str:
    """What the newer kernel calls itself."""
    return (repository() / "kver").read_text()


def _fill(work: Path, target: Path, base: Path) -> None:
    _add_dracut(target)
    store = OSTree.Repo.new(gfile(base))
    store.open(None)
    checksum = store.resolve_rev(host.REF, False)[1]
    packages = metadata.parse_packages(repo.metadata(repo.load_commit(store, checksum))) or ()
    (former,) = (package for package in packages if KERNEL.fullmatch(package.name))
    if world.is_debian():
        new = _add_debian_kernel(work, target, former)
    else:
        assert checkout.directory(store, checksum, MODULES, work / "root" / MODULES)
        new = _add_same_kernel(work, target, former)
    (target / "kver").write_text(new.kver)
    name = f"/{MODULES}/{new.kver}/extra/toy{new.ending}"
    third_party = Toy("kmod-toy", files={name: new.module}, requires=(f"{former.name} = {new.evr}",))
    toys.repository(target, [SMALL, third_party])


def _add_dracut(target: Path) -> None:
    offered = world.repository()
    if shutil.which("apt-get") is None:
        own.download(target, OWN_DRACUT)
        return
    present = {path.name.rsplit("-", 2)[0] for path in offered.glob("*.rpm")}
    missing = [deb for deb in debian.Archive().closure(DEBIAN_DRACUT) if deb.name not in present]
    debian.download(missing, CACHE / "debs")
    for deb in missing:
        convert.convert(deb, CACHE / "debs" / deb.file_name, target, Fixup(), world.STANDARD)


def _add_debian_kernel(work: Path, target: Path, former: Package) -> Kernel:
    archive = debian.Archive()
    (image,) = (deb for deb in archive.closure([DEBIAN_KERNEL]) if IMAGE.fullmatch(deb.name))
    debian.download([image], CACHE / "debs")
    source, kver = CACHE / "debs" / image.file_name, image.name.removeprefix("linux-image-")
    # Debian's kernels have names of their own and stand side by side; in a tree there is one.
    named = image._replace(name=former.name)
    provides = (f"{former.name} = {former.evr}",)
    fixup = Fixup(provides=provides, raw=SCRIPTS.format(kver=kver, modules=MODULES))
    (work / "rpms").mkdir()
    convert.convert(named, source, work / "rpms", fixup, world.STANDARD)
    (made,) = (work / "rpms").iterdir()
    shutil.move(made, target / made.name)
    _epoch, version, release = convert.rpm_evr(image.version)
    return Kernel(f"{version}-{release}", kver, *_module(source))


def _module(deb: Path) -> tuple[str, bytes]:
    from debian import debfile  # noqa: PLC0415 - Debian has it, and other machines that import this module have not

    with debfile.DebFile(os.fspath(deb)) as package:
        name = next(name for name in package.data if "/dummy.ko" in name)
        return name[name.index(".ko") :], package.data.get_content(name)


def _add_same_kernel(work: Path, target: Path, former: Package) -> Kernel:
    root, kver = work / "root", OTHER
    version = kver.partition("-")[0]
    (folder,) = (root / MODULES).iterdir()
    folder.rename(root / MODULES / kver)
    spec = [
        f"Name: {former.name}",
        f"Version: {version}",
        "Release: 1",
        "Summary: a newer kernel",
        "License: none",
        "AutoReqProv: no",
        f"Provides: {former.name} = {former.evr}",
        "%description",
        "The same kernel by another name.",
        SCRIPTS.format(kver=kver, modules=MODULES),
        f"%files\n/{MODULES}/{kver}",
    ]
    made = rpmbuild.build(work, "\n".join(spec) + "\n", root, payload="w1.zstdio")
    shutil.move(made, target / made.name)
    module = next((root / MODULES / kver).rglob("dummy.ko*"))
    return Kernel(f"{version}-1", kver, "".join(module.suffixes), module.read_bytes())
