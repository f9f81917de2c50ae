# SPDX-License-Identifier: GPL-2.0-or-later
"""A real kernel's upgrade and downgrade on a soft-booted host, with the real kmod and dracut."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import host, kernels
from tests.lab.host import SoftHost

HERE = "/var/lib/kernels"
DNF = f"dnf -y --repofrompath=kernels,file://{HERE} --nogpgcheck"


@pytest.fixture
def machine(folder: Path) -> Iterator[SoftHost]:
    repository = kernels.repository()
    made = host.make(folder / "host")
    shutil.copytree(repository, made.sysroot / f"ostree/deploy/{host.STATEROOT}{HERE}")
    yield made
    made.remove()


def run(machine: SoftHost, command: str) -> str:
    done = machine.run("bash", "-c", command)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_a_real_kernel(machine: SoftHost) -> None:
    (former,) = run(machine, "ls /usr/lib/modules").split()
    run(machine, f"{DNF} install dracut-core ostree-boot dracut-config-small")
    machine.reboot()
    run(machine, f"{DNF} upgrade 'linux-image-*' 'kernel*'")
    machine.reboot()
    assert_whole(machine, kernels.kver())
    image = run(machine, "sha256sum /usr/lib/modules/*/initramfs.img")

    run(machine, f"{DNF} install htop kmod-toy")
    machine.reboot()
    assert "extra/toy.ko" in run(machine, "cat /usr/lib/modules/*/modules.dep")
    assert (
        run(machine, "modinfo --field=filename -k $(ls /usr/lib/modules) toy").rpartition("/")[2].startswith("toy.ko")
    )
    assert run(machine, "sha256sum /usr/lib/modules/*/initramfs.img") == image

    run(machine, f"{DNF} --allowerasing downgrade 'linux-image-6*' 'kernel*'")
    machine.reboot()
    assert_whole(machine, former)
    run(machine, "ostree fsck")


def assert_whole(machine: SoftHost, kver: str) -> None:
    """The kernel is the only one, its modules are indexed, and its initramfs has OSTree and the modules in it."""
    assert run(machine, "ls /usr/lib/modules").split() == [kver]
    folder = f"/usr/lib/modules/{kver}"
    assert "kernel/drivers/block/virtio_blk.ko" in run(machine, f"cat {folder}/modules.dep")
    assert run(machine, f"stat -c %a {folder}/initramfs.img") == "600\n"
    listing = run(machine, f"lsinitrd {folder}/initramfs.img")
    for path in ("lib/ostree/ostree-prepare-root", f"{folder[5:]}/kernel/drivers/block/virtio_blk.ko", "sbin/init"):
        assert f" usr/{path}" in listing
    inputs = run(machine, f"cat {folder}/initramfs.inputs")
    for path in ("usr/bin/kmod", "usr/lib/systemd/systemd", f"{folder[1:]}/kernel/drivers/block/virtio_blk.ko"):
        assert f"\n{path}" in f"\n{inputs}"
    (inside,) = (machine.sysroot / "boot/ostree").glob(f"{host.STATEROOT}-*/vmlinuz-{kver}")
    assert inside.with_name(f"initramfs-{kver}.img").exists()
    assert [path.name for path in (machine.sysroot / "boot").iterdir() if kver in path.name] == []
