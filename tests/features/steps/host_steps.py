# SPDX-License-Identifier: GPL-2.0-or-later
"""Sentences about a soft-booted host; they drive the real commands only."""

from __future__ import annotations

from typing import Any

from behave import given, then, when

from tests import behaving
from tests.lab import host


def _shell(context: Any, command: str, answer: str = "") -> None:
    context.done = context.host.run("bash", "-c", command, answer=answer)


@given("a freshly installed host")
def fresh(context: Any) -> None:
    context.host = host.make(context.folder / "host")
    context.former = [deployment["id"] for deployment in behaving.deployments(context)]


@given('the file {path} with the line "{line}"')
@when('I add the line "{line}" to {path}')
def add_line(context: Any, path: str, line: str) -> None:
    _shell(context, f"echo '{line}' >> {path}")
    assert context.done.returncode == 0, context.done.stdout


@when('I run "{command}"')
def run(context: Any, command: str) -> None:
    _shell(context, command)


@when('I answer "{answer}" to "{command}"')
def run_and_answer(context: Any, command: str, answer: str) -> None:
    _shell(context, command, f"{answer}\n")


@when('I run "{command}" and the host comes back')
def run_until_it_is_back(context: Any, command: str) -> None:
    _shell(context, command)
    context.host.wait_for_end()
    context.host.boot()


@when("the host reboots")
def reboot(context: Any) -> None:
    context.host.reboot()


@when("entry {number:d} of the boot menu is chosen")
def choose(context: Any, number: int) -> None:
    context.host.shut_down()
    context.host.boot(number - 1)


@when("the power is cut")
def cut_power(context: Any) -> None:
    context.host.power_off()
    context.host.boot()


@then("it ends well")
def ended_well(context: Any) -> None:
    assert context.done.returncode == 0 and "Complete!" in context.done.stdout, context.done.stdout


@then("it ends with status {status:d}")
def ended_with(context: Any, status: int) -> None:
    assert context.done.returncode == status, context.done.stdout


@then("it fails")
def failed(context: Any) -> None:
    assert context.done.returncode != 0 and "Complete!" not in context.done.stdout, context.done.stdout


@then('it says "{text}"')
def said(context: Any, text: str) -> None:
    assert text in context.done.stdout, context.done.stdout


@then('it does not say "{text}"')
def said_not(context: Any, text: str) -> None:
    assert text not in context.done.stdout, context.done.stdout


@then('before it asks it says "{text}"')
def said_before(context: Any, text: str) -> None:
    before, question, _after = context.done.stdout.partition("Is this ok [y/N]: ")
    assert question and text in before, context.done.stdout


@then('"{command}" works')
def works(context: Any, command: str) -> None:
    _shell(context, command)
    assert context.done.returncode == 0, context.done.stdout


@then('"{command}" says "{text}"')
def says(context: Any, command: str, text: str) -> None:
    works(context, command)
    said(context, text)


@then('"{command}" does not say "{text}"')
def does_not_say(context: Any, command: str, text: str) -> None:
    _shell(context, command)
    assert text not in context.done.stdout, context.done.stdout


@then('the program "{name}" is not there')
def not_there(context: Any, name: str) -> None:
    _shell(context, f"command -v {name}")
    assert context.done.returncode != 0, context.done.stdout


@then("there is one new deployment, staged")
def one_new(context: Any) -> None:
    deployments = behaving.deployments(context)
    assert [d["id"] for d in deployments][1:] == context.former, deployments
    assert deployments[0]["staged"] and not deployments[0]["booted"]


@then("there is no new deployment")
def none_new(context: Any) -> None:
    assert [d["id"] for d in behaving.deployments(context)] == context.former


@then("/usr is read-only")
def read_only(context: Any) -> None:
    _shell(context, "touch /usr/bin/x")
    assert "Read-only file system" in context.done.stdout
