# SPDX-License-Identifier: GPL-2.0-or-later
"""Features, run by Behave."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "features"
# What soft-booted hosts cannot show.
IN_MACHINES = "machine"


def run(feature: str, **more: str) -> None:
    """Run a feature, with more of an environment; it must pass."""
    argv = ["/usr/bin/behave", "--no-color", "--no-skipped", "--format=progress3", os.fspath(FOLDER / feature)]
    environment = {**os.environ, "PYTHONPATH": os.fspath(FOLDER.parents[1]), **more}
    done = subprocess.run(argv, cwd=FOLDER, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def booted(context: Any) -> str:
    """The commit that a scenario's host has booted, by libostree's own program."""
    lines = context.host.run("ostree", "admin", "status").stdout.splitlines()
    (deployment,) = (line.split()[2] for line in lines if line.startswith("*"))
    return str(deployment.partition(".")[0])


def deployments(context: Any) -> list[dict[str, Any]]:
    """What `dnf status` says of the deployments of a scenario's host."""
    done = context.host.run("bash", "-c", "dnf status --json 2> /dev/null")
    return list(json.loads(done.stdout)["deployments"])
