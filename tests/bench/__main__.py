# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench`: a table of ratios, each of medians taken in this same run."""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from tests import guard, sysroots, toys
from tests.bench import at_once, bisecting, composing, hosting, looking, switching
from tests.bench.clock import timed
from tests.sysroots import ostree
from tests.toys import CACHE, Toy

SIZES = (10_000, 30_000, 100_000)
SMALL = Toy("small", files={f"/usr/share/small/{index}": f"{index}\n" for index in range(3)})
BIG_FILES = 3000
Rows = list[tuple[str, str, float]]


def fillers(files: int) -> list[Toy]:
    """Packages of 1000 small files each, in folders of 50."""
    paths = [[f"/usr/share/fill{n}/{i // 50}/{i}" for i in range(1000)] for n in range(files // 1000)]
    return [Toy(f"fill{n}", files={path: f"{path}\n" for path in group}) for n, group in enumerate(paths)]


def big() -> Toy:
    """100 MB in 3000 files that do not compress."""
    return Toy("big", files={f"/usr/share/big/{i // 100}/{i}": os.urandom(35_000) for i in range(BIG_FILES)})


class Bench:
    """One base tree: as a sysroot, and as an ordinary root."""

    def __init__(self, folder: Path, files: int, repetitions: int, extra: list[Toy]) -> None:
        self._folder, self._repetitions = folder, repetitions
        folder.mkdir()
        fill = fillers(files)
        repository = toys.repository(folder / "base-rpms", [sysroots.BASE, *fill])
        tree = sysroots.compose(folder / "compose", repository, ["toy-base", *(toy.name for toy in fill)])
        self._root = folder / "host/root"
        self.host = sysroots.make_host(folder / "host", tree, with_packages=True)
        subprocess.run(["cp", "-a", tree, self._root], check=True)
        (self._root / "usr/etc").rename(self._root / "etc")
        toys.repository(self.host.repository, extra)
        self.dnf("install", "small")  # fills dnf's cache
        self.dnf("remove", "small")

    def median(self, measure: Callable[[], float]) -> float:
        return statistics.median(measure() for _repetition in range(self._repetitions))

    def dnf(self, *arguments: str, under: tuple[str, ...] = ()) -> float:
        """dnf on the sysroot, from start to end."""
        environment = guard.environment(self.host.folder, self.host.environment())
        argv = guard.sealed(self.host.folder, [*under, *self.host.dnf_argv("-y", *arguments)])
        seconds = timed(argv, environment)
        self.host.wait_for_cleaner()
        return seconds

    def transaction(self, name: str) -> float:
        seconds = self.dnf("install", name)
        self.dnf("remove", name)
        return seconds

    def own_part(self) -> float:
        """What of it is neither DNF nor the deployment."""
        argv = self.host.dnf_argv("-y", "install", "small")
        argv[1] = os.fspath(Path(__file__).parent / "timed.py")
        result = self.host.folder / "own"
        environment = guard.environment(self.host.folder, self.host.environment({"BENCH_OWN": os.fspath(result)}))
        timed(guard.sealed(self.host.folder, argv), environment)
        self.host.wait_for_cleaner()
        self.dnf("remove", "small")
        return float(result.read_text())

    def checkout(self) -> float:
        target = self.host.folder / "checkout"
        seconds = timed(["ostree", "checkout", self.host.repo, "-H", sysroots.REF, os.fspath(target)])
        shutil.rmtree(target)
        return seconds

    def _plain(self, root: Path, *arguments: str, under: tuple[str, ...] = ()) -> float:
        """Plain dnf on an ordinary root."""
        home = self.host.folder / "home/.rpmmacros"
        home.write_text(f"%_dbpath /{sysroots.RPMDB}\n")
        own = [f"--installroot={root}", f"--setopt=persistdir={root}/{sysroots.HISTORY}", "--disableplugin=*"]
        argv = [*under, *self.host.dnf_argv("-y", "--releasever=1", *own, *arguments)]
        seconds = timed(guard.sealed(self.host.folder, argv), guard.environment(self.host.folder))
        home.unlink()
        return seconds

    def plain(self, *names: str) -> float:
        seconds = self._plain(self._root, "install", *names)
        self._plain(self._root, "remove", *names)
        return seconds

    def start(self) -> float:
        """What DNF takes before it knows of any package."""
        return self._plain(self._root, "help")

    def naive(self) -> float:
        """Check out, install into it, commit all of it, deploy it."""
        root, start = self.host.folder / "naive", time.perf_counter()
        ostree("checkout", self.host.repo, "-H", sysroots.REF, os.fspath(root))
        for database in (sysroots.RPMDB, sysroots.HISTORY):  # they are written in place, and must not be the repo's
            subprocess.run(["cp", "-a", root / database, root / "copy"], check=True)
            shutil.rmtree(root / database)
            (root / "copy").rename(root / database)
        (root / "usr/etc").rename(root / "etc")
        self._plain(root, "install", "small")
        (root / "etc").rename(root / "usr/etc")
        for name in ("var", "run", "tmp"):
            shutil.rmtree(root / name)
            (root / name).mkdir()
        ostree("commit", self.host.repo, "--branch=naive", f"--tree=dir={root}")
        ostree("admin", "deploy", f"--sysroot={self.host.sysroot}", f"--os={sysroots.STATEROOT}", "naive")
        seconds = time.perf_counter() - start
        ostree("admin", "undeploy", f"--sysroot={self.host.sysroot}", "0")
        shutil.rmtree(root)
        return seconds

    def more_memory(self) -> float:
        """MB that dnf takes beyond plain dnf."""
        peak = self.host.folder / "peak"
        under = ("time", "--format=%M", f"--output={peak}")
        self.dnf("install", "small", under=under)
        ours = int(peak.read_text())
        self._plain(self._root, "install", "small", under=under)
        plain = int(peak.read_text())
        self.dnf("remove", "small")
        self._plain(self._root, "remove", "small")
        return (ours - plain) / 1024

    def looking(self) -> float:
        """The seconds of `dnf tree diff` after its start, of two commits with this tree."""
        store = self.host.sysroot / "ostree/repo"
        commits = looking.commit_twice(store)
        return self.median(lambda: looking.comparison(self.host.folder, store, commits))


def transactions(bench: Bench, checkout: float) -> Rows:
    small = bench.median(lambda: bench.transaction("small"))
    return [
        ("    the whole dnf install of 3 files, seconds", "", small),
        ("(a) the same, in checkouts", "1.4 at 100k", small / checkout),
        ("(b) our own part, seconds", "0.1", bench.median(bench.own_part)),
        ("(c) the naive road, in our roads", "at least 3 at 100k", bench.median(bench.naive) / small),
        ("(d) 3000 files of 100 MB, in plain dnfs", "1.5", big_ratio(bench)),
        ("(e) peak memory over plain dnf, MB", "40", bench.median(bench.more_memory)),
        ("(j) dnf tree diff after its start, seconds", "0.2", bench.looking()),
    ]


def big_ratio(bench: Bench) -> float:
    ours = bench.median(lambda: bench.transaction("big"))
    return ours / bench.median(lambda: bench.plain("big"))


def switches(bench: Bench, checkout: float) -> Rows:
    measured = switching.Switching(bench.host, bench.dnf)
    one = switching.Figures(
        checkout=checkout,
        rebase=bench.median(measured.rebase),
        downloaded=measured.downloaded(),
        start=bench.median(bench.start),
        plain=bench.median(lambda: bench.plain(*(toy.name for toy in switching.WANTED))),
        switch=bench.median(measured.switch),
    )
    return switching.rows(one)


def publications(bench: Bench, _checkout: float) -> Rows:
    return hosting.rows(bench.host)


def searches(bench: Bench, checkout: float) -> Rows:
    measured = bisecting.Bisecting(bench.host, bench.dnf, [toy.name for toy in switching.WANTED])
    runs = measured.runs()
    return bisecting.rows(runs, bench.median(measured.run), bench.median(measured.start), checkout)


TABLES = {"transactions": transactions, "switching": switches, "hosting": publications, "bisecting": searches}

# On trees of their own.
OTHERS = {"composing": composing.table, "at-once": at_once.table}


def rows(bench: Bench, names: Collection[str]) -> Rows:
    """Of the tables that are wanted, what was measured, its limit, and the figure."""
    checkout = bench.median(bench.checkout)
    first = ("    one hard-link checkout, seconds", "", checkout)
    return [first, *(row for name, table in TABLES.items() if name in names for row in table(bench, checkout))]


def show(sizes: Sequence[int], repetitions: int, names: Collection[str]) -> None:
    extra = [SMALL, big(), *switching.WANTED]
    columns = []
    for files in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=CACHE) as folder:
            columns.append(rows(Bench(Path(folder, "bench"), files, repetitions, extra), names))
    print(f"{'files in the base tree':46}{'limit':>20}" + "".join(f"{files:>10}" for files in sizes))
    for lines in zip(*columns):
        name, limit, _figure = lines[0]
        print(f"{name:46}{limit:>20}" + "".join(f"{figure:10.2f}" for _name, _limit, figure in lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, nargs="+", default=SIZES)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--tables", nargs="+", choices=[*TABLES, *OTHERS], default=[*TABLES, *OTHERS])
    options = parser.parse_args()
    if TABLES.keys() & set(options.tables):
        show(options.files, options.repetitions, options.tables)
    for name in OTHERS.keys() & set(options.tables):
        OTHERS[name](options.repetitions)


if __name__ == "__main__":
    main()
