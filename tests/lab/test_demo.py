# SPDX-License-Identifier: GPL-2.0-or-later
"""`make demo` tells its story to the end, and leaves nothing behind."""

from __future__ import annotations

import subprocess

import pytest

from tests import guard
from tests.toys import CACHE


@pytest.mark.xdist_group("lab")
def test_demo() -> None:
    argv = [guard.PYTHON, "-m", "tests.lab.demo"]
    done = subprocess.run(argv, cwd=guard.CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("# reboot\n") == 3 and done.stdout.count("Complete!\n") == 2
    assert list((CACHE / "demo").iterdir()) == []
    assert str(CACHE / "demo") not in open("/proc/self/mountinfo").read()
