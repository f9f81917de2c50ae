# SPDX-License-Identifier: GPL-2.0-or-later
"""The features, run by Behave, each as one test."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


@pytest.mark.xdist_group("lab")
@pytest.mark.parametrize("feature", sorted(path.name for path in FOLDER.glob("*.feature")))
def test_feature(feature: str) -> None:
    argv = ["/usr/bin/behave", "--no-color", "--no-skipped", "--format=progress3", os.fspath(FOLDER / feature)]
    environment = {**os.environ, "PYTHONPATH": os.fspath(FOLDER.parents[1])}
    done = subprocess.run(argv, cwd=FOLDER, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
