# SPDX-License-Identifier: GPL-2.0-or-later
"""The systemd units, by systemd's own programs: nothing here talks to a running systemd."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import units

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="systemd is shown a /run of its own, which root can mount")

NAMES = sorted(path.name for path in units.FOLDER.iterdir() if path.is_file())
DROP_INS = sorted(path.parent.name.removesuffix(".d") for path in units.FOLDER.glob("*.d/*.conf"))
NOT_HERE = "ConditionPathExists=!/run/ostree-booted\n"
NOT_LIVE = "ConditionKernelCommandLine=!rd.live.image\n"
BODIES = {
    "service": "[Service]\nType=oneshot\nExecStart=/usr/bin/dnf makecache --timer\n",
    "timer": "[Timer]\nOnBootSec=10min\n",
}
# What systemd has by itself, and units stand on.
TARGETS = ("basic", "network-online", "paths", "shutdown", "sysinit", "timers")
# What the conditions look at.
AS_HOST = 'mount -t tmpfs tmpfs /run && touch /run/ostree-booted && exec "$@"'


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A root with our units, and with DNF's as they are upstream: their conditions and a command."""
    root = tmp_path_factory.mktemp("units")
    folder = units.install(root)
    for unit in DROP_INS:
        live = NOT_LIVE if unit == "dnf-makecache.timer" else ""
        body = BODIES[unit.rpartition(".")[2]]
        (folder / unit).write_text(f"[Unit]\nDescription=DNF's own\n{NOT_HERE}{live}{body}")
    for target in TARGETS:
        (folder / f"{target}.target").write_text(f"[Unit]\nDescription={target}\n")
    yield root


def analyze(root: Path, *words: str, cmdline: str = "quiet") -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze below root as if this were an OSTree host, started with this kernel command line."""
    argv = ["unshare", "--mount", "--propagation=private", "sh", "-c", AS_HOST, "sh"]
    argv += ["systemd-analyze", f"--root={root}", *words]
    environment = {"PATH": os.environ["PATH"], "SYSTEMD_PROC_CMDLINE": cmdline}
    return subprocess.run(
        argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def test_units_are_what_systemd_takes(root: Path) -> None:
    done = analyze(root, "--man=no", "verify", *(name.replace("@", "@world-12-x86_64-base") for name in NAMES))
    assert (done.returncode, done.stdout) == (0, "")


def test_a_mistake_would_be_seen(root: Path) -> None:
    bad = root / "usr/lib/systemd/system/bad.service"
    bad.write_text("[Service]\nType=oneshot\nExecStart=/usr/bin/no-dnf\nNicer=1\n")
    done = analyze(root, "--man=no", "verify", "bad.service")
    assert done.returncode != 0 and "no-dnf" in done.stdout and "Nicer" in done.stdout


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".timer")])
def test_calendars(name: str) -> None:
    (spec,) = re.findall(r"^OnCalendar=(.*)$", (units.FOLDER / name).read_text(), re.MULTILINE)
    done = subprocess.run(["systemd-analyze", "calendar", spec], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Next elapse: " in done.stdout, done.stderr


def test_every_unit_of_dnf_is_let_in() -> None:
    ways = ("", "-download", "-install", "-notifyonly")
    names = ["dnf-makecache", *(f"dnf-automatic{way}" for way in ways)]
    assert sorted(f"{name}.{kind}" for name in names for kind in ("service", "timer")) == DROP_INS


@pytest.mark.parametrize("unit", DROP_INS)
def test_a_unit_of_dnf_runs_on_a_host(root: Path, unit: str) -> None:
    done = analyze(root, "condition", f"--unit={unit}")
    assert done.returncode == 0, done.stdout
    drop_in = root / f"usr/lib/systemd/system/{unit}.d/ostree-layer.conf"
    kept = drop_in.read_text()
    drop_in.unlink()
    try:
        done = analyze(root, "condition", f"--unit={unit}")
        assert done.returncode == 1 and "ConditionPathExists=!/run/ostree-booted failed" in done.stdout
    finally:
        drop_in.write_text(kept)


def test_a_live_image_still_looks_for_no_metadata(root: Path) -> None:
    done = analyze(root, "condition", "--unit=dnf-makecache.timer", cmdline="quiet rd.live.image")
    assert done.returncode == 1 and "ConditionKernelCommandLine=!rd.live.image failed" in done.stdout


def test_our_own_run_on_hosts_only(root: Path) -> None:
    for kind in ("service", "timer"):
        assert analyze(root, "condition", f"--unit=dnf-ostree-automatic.{kind}").returncode == 0
        argv = ["systemd-analyze", f"--root={root}", "condition", f"--unit=dnf-ostree-automatic.{kind}"]
        if not Path("/run/ostree-booted").exists():
            assert subprocess.run(argv, capture_output=True, check=False).returncode == 1


def test_a_local_repository_is_watched_by_a_drop_in(root: Path) -> None:
    folder = root / "etc/systemd/system/dnf-tree@world.path.d"
    folder.mkdir(parents=True)
    (folder / "rpms.conf").write_text("[Path]\nPathChanged=/srv/rpms/repodata/repomd.xml\n")
    done = analyze(root, "--man=no", "verify", "dnf-tree@world.path")
    assert (done.returncode, done.stdout) == (0, "")
