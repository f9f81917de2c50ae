# SPDX-License-Identifier: GPL-2.0-or-later
"""Sentences about what deployments cost, in megabytes of 10^6 bytes; du counts what is linked twice once."""

from __future__ import annotations

from typing import Any

from behave import then, when

MB = 10**6
# What a run leaves to be removed in the background is gone then.
USED = "while pgrep -f 'ostree_layer[.]cleaner'; do sleep 0.1; done > /dev/null; du -s --block-size=1 /sysroot"


def _used(context: Any) -> int:
    done = context.host.run("bash", "-c", USED)
    assert done.returncode == 0, done.stdout
    return int(done.stdout.split()[0])


@when("I measure the disk")
def measure(context: Any) -> None:
    context.used = _used(context)


@then("the disk has more than {limit:g} MB on it")
def has_more(context: Any, limit: float) -> None:
    print(f"{context.used / MB:.2f} MB on it")
    assert context.used > limit * MB, context.used


@then("that has cost less than {limit:g} MB")
def cost_less(context: Any, limit: float) -> None:
    _compare(context, limit, 0)


@then('that has cost less than {limit:g} MB more than the packages "{names}" have')
def cost_no_more(context: Any, limit: float, names: str) -> None:
    done = context.host.run("bash", "-c", f"dnf -q repoquery --qf '%{{installsize}}' {names}")
    sizes = [int(size) for size in done.stdout.split()]
    assert len(sizes) == len(names.split()), done.stdout
    _compare(context, limit, sum(sizes))


def _compare(context: Any, limit: float, expected: int) -> None:
    former, context.used = context.used, _used(context)
    cost = (context.used - former) / MB
    print(f"{cost:.2f} MB, {expected / MB:.2f} MB of them packages")
    assert cost - expected / MB < limit, f"{cost:.2f} MB"
