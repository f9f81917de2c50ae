# SPDX-License-Identifier: GPL-2.0-or-later
"""Run dnf, and write to the file named by BENCH_OWN how many seconds were this project's own.

That is staging, layout, graft, commit and metadata, without the deployment; the modules are loaded beforehand.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dnf.cli.main
import dnf.plugin

from ostree_layer import deploy, layering, looking, terminal

assert layering and looking and terminal
HOOKS = ("pre_config", "stage", "pre_transaction", "finish")
spent = {"own": 0.0, "deployment": 0.0}


def timed(function: Callable[..., Any], account: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent[account] += time.perf_counter() - start

    return wrapper


def watch(plugins: Any, *args: Any) -> None:
    load(plugins, *args)
    for plugin in (plugin for plugin in plugins.plugin_cls if plugin.name == "ostree"):
        for hook in HOOKS:
            setattr(plugin, hook, timed(getattr(plugin, hook), "own"))


deploy.deploy = timed(deploy.deploy, "deployment")
load = dnf.plugin.Plugins._load
dnf.plugin.Plugins._load = watch
status = dnf.cli.main.main(sys.argv[1:])
Path(os.environ["BENCH_OWN"]).write_text(str(spent["own"] - spent["deployment"]))
sys.exit(status)
