# SPDX-License-Identifier: GPL-2.0-or-later
"""Sentences about hosts that were installed with the trees of a build server, soft-booted or in virtual machines."""

from __future__ import annotations

from typing import Any

from behave import given, then, when

from tests import behaving
from tests.lab import kernels
from tests.lab.vm_host import VmHost

MODULES = "ls /usr/lib/modules"
# Each says what somebody has put on the host, where they always have.
FILES = {
    "cat /home/tester/Downloads/paper.txt": "paper",
    "readlink /home/tester/Downloads": "/var/big/Downloads",
    "stat -c %U /home/tester /var/big/Downloads/paper.txt | uniq": "tester",
    "runuser -u tester -- sh -c 'test -w ~/Downloads/paper.txt && echo writable'": "writable",
    "cat /root/.netrc": "secret",
    "/opt/app/run": "vendor",
    "cat /srv/www/index.html": "page",
    "cat /var/lib/data": "data",
    "mine": "mine",
    "command -v mine": "/usr/local/bin/mine",
}
SERVE = "systemd-run --quiet --unit=trees python3 -m http.server 8000 --directory {}"
REPO = "[{0}]\nname={0}\nbaseurl={1}/{0}\ngpgcheck=0\n"


def _shell(context: Any, command: str) -> str:
    context.done = context.host.run("bash", "-lc", command)
    return str(context.done.stdout)


def _require(context: Any, command: str) -> str:
    said = _shell(context, command)
    assert context.done.returncode == 0, f"{command}: {said}"
    return said


@given("a host that was installed with the {kind} tree")
def install(context: Any, kind: str) -> None:
    context.host = context.site.host(kind)
    context.former = [deployment["id"] for deployment in behaving.deployments(context)]


@given("a second host that was installed with the {kind} tree")
def install_another(context: Any, kind: str) -> None:
    context.host = context.site.host(kind, 2)


@given('the repository "{name}" of the build server')
def configure(context: Any, name: str) -> None:
    text = REPO.format(name, context.site.url)
    _require(context, f"cat > /etc/yum.repos.d/{name}.repo <<'END'\n{text}END")


@when("the build server publishes the {kind} tree with the package tree in it")
def publish(context: Any, kind: str) -> None:
    context.site.publish("2", kind)


@when("the host serves {folder} over HTTP")
def serve(context: Any, folder: str) -> None:
    _require(context, SERVE.format(folder))


@then("what is booted is exactly the {kind} tree")
def booted_first(context: Any, kind: str) -> None:
    assert behaving.booted(context) == context.site.commit(kind)


@then("what is booted is exactly version 2 of the {kind} tree")
def booted_second(context: Any, kind: str) -> None:
    assert behaving.booted(context) == context.site.commit(kind, "2")


@then("it works")
def worked(context: Any) -> None:
    assert context.done.returncode == 0, context.done.stdout


@then('"{command}" says nothing')
def says_nothing(context: Any, command: str) -> None:
    said = _require(context, command)
    assert not said.strip(), said


@then('"{command}" fails, and says "{text}"')
def fails(context: Any, command: str, text: str) -> None:
    said = _shell(context, command)
    assert context.done.returncode != 0 and text in said, said


@then("the user's files are all there")
def are_there(context: Any) -> None:
    missing = {command: said for command, text in FILES.items() if text not in (said := _shell(context, command))}
    assert not missing, missing


@then("the kernel of what is booted is the newer one")
def kernel_is_newer(context: Any) -> None:
    assert _kernels(context) == {kernels.kver()}


@then("the kernel of what is booted is not the newer one")
def kernel_is_not_newer(context: Any) -> None:
    assert kernels.kver() not in _kernels(context)


def _kernels(context: Any) -> set[str]:
    """Those of the tree, and in a machine the one that runs."""
    running = _require(context, "uname -r").split() if isinstance(context.host, VmHost) else []
    return {*_require(context, MODULES).split(), *running}


@then("every file in /usr is as its package says")
def verified(context: Any) -> None:
    """But for its time, of which OSTree keeps none."""
    wrong = [line for line in _shell(context, "rpm -Va --nomtime").splitlines() if "/usr/" in line]
    assert not wrong, wrong
