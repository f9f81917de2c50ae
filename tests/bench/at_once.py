# SPDX-License-Identifier: GPL-2.0-or-later
"""What is there without a reboot: how long `dnf try` takes until what is tried runs, against plain DNF that installs
the same into a plain root; and what --apply-live adds to an installation."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.clock import timed
from tests.lab import host
from tests.lab.host import ENVIRONMENT, SoftHost
from tests.toys import CACHE

ROOT = "/var/plain"
# The tree that is booted, as an ordinary root.
COPY = f"mkdir {ROOT} && cp -a /usr /bin /sbin /lib /lib64 {ROOT} && mv {ROOT}/usr/etc {ROOT}/etc"
PLAIN = f"dnf -yC --installroot={ROOT} --releasever=12 --setopt=cachedir=/var/cache/dnf"
PACKAGES = ("htop", "libllvm14")


def run(made: SoftHost, command: str) -> float:
    return timed(made.argv("bash", "-c", command), ENVIRONMENT)


def first_output(made: SoftHost, command: str) -> float:
    """The seconds until a command prints something on stdout."""
    os.sync()
    start = time.perf_counter()
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(made.argv("bash", "-c", command), env=ENVIRONMENT, stdout=pipe, stderr=quiet) as child:
        assert child.stdout is not None and child.stdout.read(1)
        seconds = time.perf_counter() - start
    assert child.returncode == 0
    return seconds


def install(made: SoftHost, packages: str) -> float:
    seconds = run(made, f"{PLAIN} install {packages}")
    run(made, f"{PLAIN} remove {packages}")
    return seconds


def layer(made: SoftHost, packages: str, *options: str) -> float:
    seconds = run(made, f"dnf -yC {' '.join(options)} install {packages}")
    run(made, f"{'dnf apply-live --reset; ' if options else ''}dnf -y cleanup pending")
    return seconds


def figures(made: SoftHost, packages: str, repetitions: int) -> list[float]:
    """Seconds of both ways to try, and their ratio; seconds of an installation, and what applying it adds."""

    def median(measure: Callable[[], float]) -> float:
        measure()  # fills caches
        return statistics.median(measure() for _repetition in range(repetitions))

    tried = median(lambda: first_output(made, f"dnf -yC try {packages} -- echo"))
    plain = median(lambda: install(made, packages))
    layered = median(lambda: layer(made, packages))
    applied = median(lambda: layer(made, packages, "--apply-live"))
    return [tried, plain, tried / plain, layered, applied - layered]


def table(repetitions: int) -> None:
    """Print it, for a host of the lab."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=CACHE) as folder:
        made = host.make(Path(folder, "host"))
        try:
            run(made, f"{COPY} && dnf makecache")
            columns = [figures(made, packages, repetitions) for packages in PACKAGES]
        finally:
            made.remove()
    names = (
        "    dnf try, until the command runs, seconds",
        "    plain dnf installs it in a root, seconds",
        "(p) the ratio",
        "    dnf install, seconds",
        "(q) what --apply-live adds, seconds",
    )
    heads = "".join(f"{packages:>10}" for packages in PACKAGES)
    print(f"\n{'without a reboot':46}{'limit':>20}{heads}")
    for name, limit, row in zip(names, ("", "", "1.3", "", "0.3"), zip(*columns)):
        print(f"{name:46}{limit:>20}" + "".join(f"{figure:10.2f}" for figure in row))
