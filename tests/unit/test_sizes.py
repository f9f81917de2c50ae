# SPDX-License-Identifier: GPL-2.0-or-later
"""The house's measures: no function over fifty lines, no module over 250."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("ostree_layer/**/*.py"), *ROOT.glob("dnf-plugins/*.py"), *ROOT.glob("tests/**/*.py")])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_sizes(path: Path) -> None:
    text = path.read_text()
    functions = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef))
    assert [node.name for node in functions if (node.end_lineno or 0) - node.lineno >= 50] == []
    assert len(text.splitlines()) <= (300 if "tests" in path.parts else 250)
