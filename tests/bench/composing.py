# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench`, second table: composing, on the lab's packages, for a bare and for an archive repository."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests import guard, sysroots
from tests.bench.clock import timed
from tests.lab import kernels, world
from tests.sysroots import ostree
from tests.toys import CACHE

MODES = ("bare", "archive")
# What a host that boots needs besides.
INITRAMFS = ["dracut-core", "ostree-boot", "dracut-config-small"]
EXTRA = ["nginx-light", "postgresql-15", "htop", "vim-tiny"]
RELEASE = "--releasever=12"


class Composing:
    """One target, and the naive script's own."""

    def __init__(self, folder: Path, mode: str, repetitions: int) -> None:
        self._folder, self._mode, self._repetitions = folder, mode, repetitions
        folder.mkdir()
        (folder / "home").mkdir()
        wanted = {"ref": "bench/base", "recommends": False, "edition": "2024", "packages": world.TREE + INITRAMFS}
        (folder / "base.json").write_text(json.dumps(wanted))
        (folder / "further.json").write_text(
            json.dumps({"include": "base.json", "ref": "bench/further", "packages": EXTRA})
        )

    def median(self, measure: Callable[[], float]) -> float:
        return statistics.median(measure() for _repetition in range(self._repetitions))

    def _dnf(self, *arguments: str) -> float:
        extra = f"--repofrompath=kernels,file://{kernels.repository()}"
        argv = guard.dnf_argv(self._folder, world.repository(), extra, RELEASE, "-y", *arguments)
        return timed(guard.sealed(self._folder, argv), guard.environment(self._folder))

    def _empty(self, name: str) -> Path:
        store = self._folder / name
        shutil.rmtree(store, ignore_errors=True)
        ostree("init", f"--repo={store}", f"--mode={self._mode}")
        return store

    def compose(self, *names: str) -> float:
        files = [os.fspath(self._folder / f"{name}.json") for name in names]
        own = [f"--repo={self._folder}/target", f"--workdir={self._folder}/work"]
        return self._dnf("tree", "compose", *own, *files)

    def first(self) -> float:
        shutil.rmtree(self._folder / "work", ignore_errors=True)
        self._empty("target")
        return self.compose("base")

    def further(self) -> float:
        """What a second tree costs in a command that composes the first one anyway, which is there already."""
        both = self.compose("base", "further")
        ostree("refs", f"--repo={self._folder}/target", "--delete", "bench/further")
        ostree("refs", f"--repo={self._folder}/work/repo", "--delete", "composed/bench/further")
        return both - self.compose("base")

    def plain(self, root: Path, *packages: str) -> float:
        home = self._folder / "home/.rpmmacros"
        home.write_text(f"%_dbpath /{sysroots.RPMDB}\n")
        own = [f"--installroot={root}", f"--setopt=persistdir={root}/{sysroots.HISTORY}", "--disableplugin=*"]
        seconds = self._dnf(*own, "install", *packages)
        home.unlink()
        return seconds

    def naive(self) -> float:
        """dnf into a folder, an initramfs, the layout by mv and rm, and ostree commit."""
        root, store = self._folder / "naive", self._empty("naive-repo")
        shutil.rmtree(root, ignore_errors=True)
        seconds = self.plain(root, *world.TREE, *INITRAMFS)
        return seconds + timed(["unshare", "--mount", "sh", "-euc", LAYOUT, "sh", os.fspath(root), os.fspath(store)])

    def plain_further(self) -> float:
        """The further tree's packages into a plain root that has the others."""
        root = self._folder / "plain"
        shutil.rmtree(root, ignore_errors=True)
        self.plain(root, *world.TREE, *INITRAMFS)
        return self.plain(root, *EXTRA)

    def memory(self) -> float:
        """MB that the first compose takes at most, its children included one by one."""
        shutil.rmtree(self._folder / "work")
        self._empty("target")
        peak = self._folder / "peak"
        argv = guard.dnf_argv(self._folder, world.repository(), f"--repofrompath=kernels,file://{kernels.repository()}")
        argv += [RELEASE, "tree", "compose", f"--repo={self._folder}/target", f"--workdir={self._folder}/work"]
        under = ["time", "--format=%M", f"--output={peak}"]
        timed(guard.sealed(self._folder, [*under, *argv, f"{self._folder}/base.json"]), guard.environment(self._folder))
        return int(peak.read_text()) / 1024


LAYOUT = """
cd "$1"
mount -t proc proc proc && mount -t tmpfs tmpfs tmp
for kver in $(ls usr/lib/modules); do
    chroot . depmod -a $kver
    DRACUT_NO_MKNOD=1 DRACUT_NO_XATTR=1 chroot . dracut --quiet --force --no-hostonly --reproducible --add ostree \
        --kver $kver /usr/lib/modules/$kver/initramfs.img
done
umount proc tmp
mv etc usr/etc
rm -rf var run tmp proc sys dev boot home root opt srv mnt media usr/local
mkdir var run tmp proc sys dev boot sysroot
ostree commit --repo="$2" --branch=naive --tree=dir=.
"""


def rows(bench: Composing) -> list[tuple[str, str, float]]:
    """What was measured, its limit, and the figure."""
    first = bench.median(bench.first)
    unchanged = bench.median(lambda: bench.compose("base"))
    further = bench.median(bench.further) / bench.median(bench.plain_further)
    return [
        ("    the first tree, seconds", "", first),
        ("(f) the same, in naive scripts", "1", first / bench.median(bench.naive)),
        ("(g) unchanged, in first composes", "0.05", unchanged / first),
        ("(h) a further tree, in plain installs", "1.3", further),
        ("(i) peak memory, MB", "", bench.memory()),
    ]


def table(repetitions: int) -> None:
    columns = []
    for mode in MODES:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=CACHE) as folder:
            columns.append(rows(Composing(Path(folder, "bench"), mode, repetitions)))
    print(f"{'composing for a repository of mode':46}{'limit':>20}" + "".join(f"{mode:>10}" for mode in MODES))
    for lines in zip(*columns):
        name, limit, _figure = lines[0]
        print(f"{name:46}{limit:>20}" + "".join(f"{figure:10.2f}" for _name, _limit, figure in lines))


if __name__ == "__main__":
    table(3)
