# SPDX-License-Identifier: GPL-2.0-or-later
"""Run dnf so that it cannot touch this machine, whatever the plugin does or fails to do.

On a machine that is no OSTree host, dnf without the plugin installs into the machine. Everything but one folder is
therefore read-only for the child, as `/usr` is on the hosts that this product is for.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests import toys
from tests.zygote import Zygote

CHECKOUT = Path(__file__).parent.parent
PYTHON = "/usr/bin/python3"
# The places for temporary files are emptied for it, so `writable` must be elsewhere.
SEAL = """mount --bind "$1" "$1" && mount -o remount,bind,ro / && mount -t tmpfs tmpfs /tmp &&
    mount -t tmpfs tmpfs /var/tmp && shift && exec "$@"
"""
# What every run has in its environment.
COMMON = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "PYTHONUNBUFFERED": "1",  # or what dnf prints would come after the errors
    "PYTHONPATH": f"{CHECKOUT}:{toys.MODULES}",
    "OSTREE_SYSROOT_DEBUG": "mutable-deployments",
}
ZYGOTE = Zygote(PYTHON, COMMON)
FOLDERS = ("home", "tmp", "log", "repos.d", "plugins.d")


def sealed(writable: Path, argv: Sequence[str]) -> list[str]:
    """The argv that runs argv in a mount namespace where only `writable` can be written to."""
    return ["unshare", "--mount", "--propagation=private", "sh", "-c", SEAL, "sh", os.fspath(writable), *argv]


def environment(writable: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What dnf sees of this machine's environment: a home without rpm macros, and temporary files in `writable`."""
    for name in FOLDERS:
        (writable / name).mkdir(exist_ok=True)
    return {
        **COMMON,
        "HOME": os.fspath(writable / "home"),
        "TMPDIR": os.fspath(writable / "tmp"),
        **(extra or {}),
    }


def dnf_argv(writable: Path, repository: Path | None, *arguments: str, checks_signatures: bool = False) -> list[str]:
    """dnf from the distribution with the plugins of this checkout and state of its own."""
    settings = {
        "pluginpath": CHECKOUT / "dnf-plugins",
        "pluginconfpath": writable / "plugins.d",
        "cachedir": writable / "cache",
        "logdir": writable / "log",
        "reposdir": writable / "repos.d",
        "install_weak_deps": 0,
    }
    options = [f"--setopt={name}={value}" for name, value in settings.items()]
    repos = [f"--repofrompath=toys,file://{repository}", "--setopt=toys.metadata_expire=0"] if repository else []
    unsigned = [] if checks_signatures else ["--nogpgcheck"]
    return [PYTHON, "/usr/bin/dnf", *unsigned, *options, *repos, *arguments]


def run(
    writable: Path,
    argv: Sequence[str],
    extra: Mapping[str, str] | None = None,
    answer: str = "",
    *,
    apart: bool = False,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Run argv sealed; what it prints is in stdout, errors included and in order, or `apart` in stderr."""
    whole, variables = sealed(writable, argv), environment(writable, extra)
    if ZYGOTE.can_run(argv, variables):
        order = {"argv": list(argv), "environment": variables, "writable": os.fspath(writable)}
        status, printed = ZYGOTE.run(order, answer, apart=apart, timeout=timeout)
        texts = [block.decode().replace("\r\n", "\n").replace("\r", "\n") for block in printed]
        return subprocess.CompletedProcess(whole, status, *texts)
    return subprocess.run(
        whole,
        env=variables,
        input=answer,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if apart else subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )


def install(folder: Path) -> None:
    """Install this checkout below a folder, as `make install` does."""
    argv = ["make", "--silent", "install", f"DESTDIR={folder}"]
    subprocess.run(argv, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)
