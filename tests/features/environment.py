# SPDX-License-Identifier: GPL-2.0-or-later
"""A host for each scenario, gone after it; for a feature that is tagged so, a server, a shop or a site."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.lab import site
from tests.lab.server import Server
from tests.lab.shop import Shop
from tests.toys import CACHE


def before_feature(context: Any, feature: Any) -> None:
    (CACHE / "features").mkdir(parents=True, exist_ok=True)
    for tag, kind in (("server", Server), ("shop", Shop)):
        if tag in feature.tags:
            setattr(context, tag, kind(Path(tempfile.mkdtemp(dir=CACHE / "features"))))


def after_feature(context: Any, feature: Any) -> None:
    for tag in {"server", "shop"} & {*feature.tags}:
        shutil.rmtree(getattr(context, tag).folder)


def before_scenario(context: Any, scenario: Any) -> None:
    context.resources = contextlib.ExitStack()
    context.folder = Path(context.resources.enter_context(tempfile.TemporaryDirectory(dir=CACHE / "features")))
    context.host = None
    if "site" in scenario.effective_tags:
        context.site = context.resources.enter_context(site.opened(context.folder))


def after_scenario(context: Any, scenario: Any) -> None:
    if context.host is not None and "site" not in scenario.effective_tags:
        context.host.remove()
    context.resources.close()
