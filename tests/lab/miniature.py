# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees that are next to nothing: a real kernel, and an initramfs of busybox that does what a test says, in seconds."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from ostree_layer import checkout
from ostree_layer.ostree_gi import OSTree, gfile
from tests import cached
from tests.lab import host
from tests.sysroots import ostree

BUSYBOX = "/bin/busybox"
# What a disk needs, in the order of their needs, where the kernel has it not built in.
DRIVERS = "virtio/virtio_ring virtio/virtio virtio/virtio_pci_legacy_dev virtio/virtio_pci_modern_dev virtio/virtio_pci"
DISK = [f"kernel/drivers/{name}.ko" for name in (*DRIVERS.split(), "block/virtio_blk")]
INIT = """#!{busybox} sh
{busybox} --install /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
exec </dev/console >/dev/console 2>&1
{script}
sleep 1000
"""


def kernel() -> Path:
    """The folder of the world's kernel, made now if it is not in the cache."""
    base = host.base_repo()
    return cached.folder(
        "kernel", Path(__file__).read_bytes() + base.name.encode(), lambda _work, made: _take_kernel(base, made)
    )


def _take_kernel(base: Path, made: Path) -> None:
    (made / "modules").mkdir()
    store = OSTree.Repo.new(gfile(base))
    store.open(None)
    checksum = store.resolve_rev(host.REF, False)[1]
    rows = ostree("ls", "-R", f"--repo={base}", host.REF, "/usr/lib/modules").splitlines()
    paths = [row.split()[-1] for row in rows]
    (image,) = (path for path in paths if path.endswith("/vmlinuz"))
    assert checkout.file(store, checksum, image[1:], made / "vmlinuz")
    modules = image.rpartition("/")[0][1:]
    for number, name in enumerate(DISK):
        if f"/{modules}/{name}" in paths:
            assert checkout.file(store, checksum, f"{modules}/{name}", made / f"modules/{number}.ko")


def initramfs(folder: Path, script: str) -> bytes:
    """One whose init is a shell script."""
    root = folder / "initramfs"
    for name in ("bin", "dev", "proc"):
        (root / name).mkdir(parents=True)
    shutil.copy(BUSYBOX, root / "bin")
    shutil.copytree(kernel() / "modules", root / "modules")
    (root / "init").write_text(INIT.format(busybox=BUSYBOX, script=script))
    (root / "init").chmod(0o755)
    names = "\n".join(str(path.relative_to(root)) for path in root.rglob("*"))
    argv = [BUSYBOX, "cpio", "-o", "-H", "newc"]
    made = subprocess.run(argv, input=names.encode(), cwd=root, check=True, capture_output=True).stdout
    shutil.rmtree(root)
    return made


def commit(repo: Path, ref: str, script: str | None) -> None:
    """Let a ref of a repository lead to such a tree, of version 1; without a script it has no initramfs."""
    folder, root = repo.parent, repo.parent / "root"
    modules = root / "usr/lib/modules/1.0"
    for path in (modules, root / "usr/etc"):
        path.mkdir(parents=True)
    (root / "usr/lib/os-release").write_text("ID=toys\nVERSION_ID=1\n")
    shutil.copy(kernel() / "vmlinuz", modules)
    if script is not None:
        (modules / "initramfs.img").write_bytes(initramfs(folder, script))
    options = ("--owner-uid=0", "--owner-gid=0", "--add-metadata-string=version=1")
    ostree("commit", f"--repo={repo}", f"--branch={ref}", f"--tree=dir={root}", *options)
    shutil.rmtree(root)
