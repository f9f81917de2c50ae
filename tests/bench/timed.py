# SPDX-License-Identifier: GPL-2.0-or-later
"""Run dnf, and write to the file named by BENCH_OWN how many seconds were this project's own, deployment left out."""

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
        plugin.finish = timed_deployment(plugin.finish)


def timed_deployment(finish: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(plugin: Any) -> Any:
        from ostree_layer import deploy  # noqa: PLC0415 - it is loaded by now, and is not to be loaded earlier

        deploy.deploy = timed(deploy.deploy, "deployment")
        return finish(plugin)

    return wrapper


load = dnf.plugin.Plugins._load
dnf.plugin.Plugins._load = watch
status = dnf.cli.main.main(sys.argv[1:])
Path(os.environ["BENCH_OWN"]).write_text(str(spent["own"] - spent["deployment"]))
sys.exit(status)
