# SPDX-License-Identifier: GPL-2.0-or-later
"""Sentences about the trees of a shop, and a host that follows them."""

from __future__ import annotations

from typing import Any

from behave import given, then, when

from tests import behaving
from tests.lab.shop import KIOSK, TILL

REFS = {"till": TILL, "kiosk": KIOSK}


@given("a host that follows the till's tree of a shop")
def following(context: Any) -> None:
    context.shop.reset()
    context.host = context.shop.host(context.folder / "host")
    context.former = [deployment["id"] for deployment in behaving.deployments(context)]


@when("the shop has version {version} of the {kind}'s tree")
def publish(context: Any, version: str, kind: str) -> None:
    context.shop.publish(version, REFS[kind])


@then('{path} reads "{lines}"')
def reads(context: Any, path: str, lines: str) -> None:
    """The lines of a file are between slashes."""
    found = context.host.run("cat", path).stdout
    assert found.splitlines() == lines.split(" / "), found


@then("{path} is not there")
def no_file(context: Any, path: str) -> None:
    done = context.host.run("ls", "--directory", path)
    assert done.returncode == 2 and "No such file or directory" in done.stdout, done.stdout


@then('it prints just "{line}"')
def printed_just(context: Any, line: str) -> None:
    assert context.done.stdout == f"{line}\n", context.done.stdout
