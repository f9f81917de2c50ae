# SPDX-License-Identifier: GPL-2.0-or-later
"""The linters, as tests; `tests/install-deps` puts them where they are looked for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = Path(os.environ.get("OSTREE_LAYER_CACHE", "/var/cache/ostree-layer-lab"), "lint/bin")


@pytest.mark.parametrize("argv", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]], ids=" ".join)
def test_linter(argv: list[str], tmp_path: Path) -> None:
    environment = {**os.environ, "RUFF_CACHE_DIR": f"{tmp_path}/ruff", "MYPY_CACHE_DIR": f"{TOOLS.parent}/mypy-cache"}
    argv = [os.fspath(TOOLS / argv[0]), *argv[1:]]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_says_its_licence() -> None:
    sources = [*ROOT.glob("ostree_layer/**/*.py"), *ROOT.glob("dnf-plugins/*.py"), *ROOT.glob("tests/**/*.py")]
    assert [path for path in sources if path.read_text() and "SPDX-License-Identifier" not in path.read_text()] == []
