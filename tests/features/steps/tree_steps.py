# SPDX-License-Identifier: GPL-2.0-or-later
"""Sentences about a server of trees and a host that follows it."""

from __future__ import annotations

from typing import Any

from behave import given, then, when

from tests import behaving
from tests.lab.family import MINIMAL, SERVER

REFS = {"minimal": MINIMAL, "server": SERVER}


@given("a host that follows the minimal tree of a server")
def following(context: Any) -> None:
    context.server.reset()
    context.host = context.server.host(context.folder / "host")


@when("the server has a newer {kind} tree")
def publish(context: Any, kind: str) -> None:
    context.server.publish("2", REFS[kind])


@when("the server loses what its trees are made of")
def lose(context: Any) -> None:
    context.server.lose_objects()


@then("the server's {kind} tree is booted, exactly")
def booted_exactly(context: Any, kind: str) -> None:
    assert behaving.booted(context) == context.server.commit(REFS[kind])


@then("the server's {kind} tree is the base of what is booted")
def booted_base(context: Any, kind: str) -> None:
    (booted,) = (found for found in behaving.deployments(context) if found["booted"])
    assert booted["base"] == context.server.commit(REFS[kind]), booted


@then('the requests are "{names}"')
def requests_are(context: Any, names: str) -> None:
    found = behaving.deployments(context)[0]["requests"]["packages"]
    assert found == names.split(), found
