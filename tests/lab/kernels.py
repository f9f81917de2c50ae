# SPDX-License-Identifier: GPL-2.0-or-later
"""A second repository for the lab: dracut, a newer version of the base tree's kernel, and a module for that."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from ostree_layer import checkout, metadata, repo
from ostree_layer.model import Package
from ostree_layer.ostree_gi import OSTree, gfile
from tests import cached, rpmbuild, toys
from tests.lab import convert, debian, host, own, world
from tests.lab.convert import Fixup
from tests.toys import CACHE, Toy

DEBIAN_DRACUT = ("dracut-core", "ostree-boot")
OWN_DRACUT = ("dracut", "ostree")
NEW = "99.0"
KVER = f"{NEW}-lab"
MODULES = "usr/lib/modules"
KERNEL = re.compile(r"linux-image-\d.*|kernel-core")
# dracut with few drivers and modules: in seconds, and not in half a minute.
SMALL = Toy(
    "dracut-config-small",
    files={
        "/usr/lib/dracut/dracut.conf.d/50-small.conf": 'drivers="virtio_blk ext4 overlay"\ncompress="gzip"\n'
        'dracutmodules="systemd systemd-initrd dracut-systemd ostree rootfs-block udev-rules base fs-lib shutdown"\n'
    },
)
# As in Fedora's package; and the module index of whatever kernel is running, as many third parties' packages do.
SCRIPTS = f"""%post
depmod -a || :
%posttrans
kernel-install add {KVER} /{MODULES}/{KVER}/vmlinuz || exit $?
"""


def repository() -> Path:
    """The repository, made now if it is not in the cache."""
    base = host.base_repo()
    description = Path(__file__).read_bytes() + base.parent.name.encode()
    return cached.folder("kernels", description, lambda work, made: _fill(work, made, base))


def _fill(work: Path, target: Path, base: Path) -> None:
    _add_dracut(target)
    store = OSTree.Repo.new(gfile(base))
    store.open(None)
    checksum = store.resolve_rev(host.REF, False)[1]
    packages = metadata.parse_packages(repo.metadata(repo.load_commit(store, checksum))) or ()
    (kernel,) = (package for package in packages if KERNEL.fullmatch(package.name))
    root = work / "root"
    assert checkout.directory(store, checksum, MODULES, root / MODULES)
    (former,) = (root / MODULES).iterdir()
    former.rename(root / MODULES / KVER)
    _add_kernel(work, target, kernel, root)
    module = next((root / MODULES / KVER).rglob("dummy.ko*"))
    name = f"/{MODULES}/{KVER}/extra/toy{''.join(module.suffixes)}"
    third_party = Toy("kmod-toy", files={name: module.read_bytes()}, requires=(f"{kernel.name} = {NEW}",))
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


def _add_kernel(work: Path, target: Path, kernel: Package, root: Path) -> None:
    spec = [
        f"Name: {kernel.name}",
        f"Version: {NEW}",
        "Release: 1",
        "Summary: a newer kernel",
        "License: none",
        "AutoReqProv: no",
        f"Provides: {kernel.name} = {kernel.evr}",
        "%description",
        "The same kernel by another name.",
        SCRIPTS,
        f"%files\n/{MODULES}/{KVER}",
    ]
    made = rpmbuild.build(work, "\n".join(spec) + "\n", root, payload="w1.zstdio")
    shutil.move(made, target / made.name)
