# SPDX-License-Identifier: GPL-2.0-or-later
"""Sentences about the deployments of a soft-booted host, by libostree's own program."""

from __future__ import annotations

from typing import Any

from behave import then

from tests.lab import host


@then("there are {number:d} deployments")
def are_so_many(context: Any, number: int) -> None:
    lines = context.host.run("ostree", "admin", "status").stdout.splitlines()
    found = [line for line in lines if line.replace("*", " ").split()[0] == host.STATEROOT]
    assert len(found) == number, lines
