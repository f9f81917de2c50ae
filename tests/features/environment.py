# SPDX-License-Identifier: GPL-2.0-or-later
"""A host for each scenario, gone after it; for a feature that is tagged so, a server of trees, or a site of hosts."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.lab import site
from tests.lab.server import Server
from tests.toys import CACHE


def before_feature(context: Any, feature: Any) -> None:
    (CACHE / "features").mkdir(parents=True, exist_ok=True)
    if "server" in feature.tags:
        context.server = Server(Path(tempfile.mkdtemp(dir=CACHE / "features")))


def after_feature(context: Any, feature: Any) -> None:
    if "server" in feature.tags:
        shutil.rmtree(context.server.folder)


def before_scenario(context: Any, scenario: Any) -> None:
    context.folder = Path(tempfile.mkdtemp(dir=CACHE / "features"))
    context.host, context.resources = None, contextlib.ExitStack()
    if "site" in scenario.effective_tags:
        context.site = context.resources.enter_context(site.opened(context.folder))


def after_scenario(context: Any, scenario: Any) -> None:
    context.resources.close()
    if context.host is not None and "site" not in scenario.effective_tags:
        context.host.remove()
    shutil.rmtree(context.folder)
