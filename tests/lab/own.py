# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's packages on Fedora and EL: downloaded from the machine's own repositories."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from ostree_layer.treefile import read

TREE = """
    bash coreutils dbus-broker diffutils findutils glibc-minimal-langpack grep gzip kernel-core less ostree passwd
    procps-ng python3-dnf dnf python3-gobject-base rpm sed systemd tar util-linux
""".split()
OFFERED = "tree nano file bc".split()


def treefile(work: Path, composes: Path, ref: str) -> Path:
    """Write a treefile as the lab's own one is, of these packages."""
    values = read(composes / "world-minimal.yaml", "x86_64").values
    whole = {**values, "ref": ref, "packages": TREE, "releasever": None, "automatic-version-prefix": "1"}
    (work / "own.json").write_text(json.dumps(whole, default=str))
    return work / "own.json"


def download(target: Path, packages: Iterable[str], options: Sequence[str] = ()) -> None:
    """Fetch packages and all that they need, as for an empty root, into target."""
    with tempfile.TemporaryDirectory(prefix="own-", dir=target.parent) as work:
        for name in ("root", "log"):
            Path(work, name).mkdir()
        settings = [f"--setopt=logdir={work}/log", "--setopt=install_weak_deps=0"]
        release = [] if any(option.startswith("--releasever") for option in options) else ["--releasever=/"]
        argv = ["dnf", "-y", "--disableplugin=ostree*", f"--installroot={work}/root", *release, *settings, *options]
        argv += ["download", "--resolve", "--alldeps", f"--destdir={target}", *packages]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    subprocess.run(["createrepo_c", "-q", os.fspath(target)], check=True)
