# SPDX-License-Identifier: GPL-2.0-or-later
"""Sentences about a plain system, and what becomes of it."""

from __future__ import annotations

from typing import Any

from behave import given, then, when

from tests.lab import plain

# Without what is not on the disk, dnf's logs, and what Python compiles wherever it may write.
FIND = r"""test -e /run/ostree-booted && cd /sysroot || cd /
find . -regextype posix-extended -regex './(ostree|dev|proc|run|sys|tmp|var/log/dnf.*|.*/__pycache__)' -prune -o"""
LIST = rf"""{FIND} -printf '%p %y %m %U:%G %l\n'
{FIND} -type f -print0 | xargs --null sha256sum"""


@given("a plain system, which is no OSTree host")
def plain_system(context: Any) -> None:
    context.shop.reset()
    context.host = plain.make(context.folder / "host", context.shop)


def _list(context: Any) -> set[str]:
    done = context.host.run("bash", "-c", LIST)
    assert done.returncode == 0, done.stdout
    return {*done.stdout.splitlines()}


@when("I list all files of the old system, with their checksums")
def list_all(context: Any) -> None:
    context.old = _list(context)
    assert len(context.old) > 10_000 and any(line.endswith("  ./home/me/letter") for line in context.old)


@then("all files of the old system are as they were")
def as_they_were(context: Any) -> None:
    gone = context.old - _list(context)
    assert not gone, sorted(gone)
