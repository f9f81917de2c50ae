# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever ends a run, wherever: the repository is sound, the host boots what it booted, the next run works."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from tests import guard
from tests.sysroots import Host
from tests.toys import APP, LIB, Toy

BEFORE = [
    "layering::locked",
    "layering::staged",
    "layering::resolved",
    "layering::ran",
    "layering::normalised",
    "layering::grafted",
    "commit::written",
    "commit::flushed",
]
# From here on a run cannot be stopped but by a kill: done is the only state to leave the host in.
LAST = ["commit::referenced", "retention::kept", "deploy::cloned", "deploy::before-write"]
SLOW = Toy("slow", files={"/usr/bin/slow": ""}, scripts="%post\necho > /usr/share/reached\nsleep 2\n")
AS_IT_WAS = "Nothing was deployed: the host is as it was.\n"


def install_at(host: Host, point: str, act: str) -> subprocess.CompletedProcess[str]:
    host.offer(APP, LIB)
    return host.dnf("-y", "install", "app", extra={"OSTREE_LAYER_FAILPOINT": f"{point}={act}"})


def recovers(host: Host, before: list[str]) -> None:
    """The host is as it was, and the next run works and sweeps what the last one left."""
    host.wait_for_cleaner()
    assert host.deployments() == before
    host.fsck()
    host.done("install", "app")
    assert host.deployments()[1:] == before
    assert list((host.work / "staging").iterdir()) == []
    host.wait_for_cleaner()
    host.fsck()


@pytest.mark.parametrize("act", ["raise", "nospace"])
@pytest.mark.parametrize("point", [*BEFORE, *LAST])
def test_exception(host: Host, point: str, act: str) -> None:
    before = host.deployments()
    result = install_at(host, point, act)
    assert result.returncode == 1 and "Complete!" not in result.stdout and "Traceback" not in result.stdout
    name = "RuntimeError" if act == "raise" else "OSError"
    if act == "nospace" and point.startswith("deploy::"):
        assert f": No space left on device: {point}\n" in result.stdout and "Error: deploying " in result.stdout
    else:
        assert f"Error: {name} in the ostree plugin: " in result.stdout
    if point not in BEFORE[:2]:
        assert result.stdout.endswith(AS_IT_WAS)
    assert list((host.work / "staging").iterdir() if (host.work / "staging").exists() else []) == []
    recovers(host, before)


@pytest.mark.parametrize(("act", "code"), [("kill", -9), ("term", 143), ("int", 1)])
@pytest.mark.parametrize("point", BEFORE)
def test_signal(host: Host, point: str, act: str, code: int) -> None:
    before = host.deployments()
    result = install_at(host, point, act)
    assert result.returncode == code and "Complete!" not in result.stdout, result.stdout
    recovers(host, before)


@pytest.mark.parametrize("point", LAST)
def test_kill_at_the_last_phases(host: Host, point: str) -> None:
    before = host.deployments()
    assert install_at(host, point, "kill").returncode == -9
    recovers(host, before)


@pytest.mark.parametrize("act", ["term", "int"])
@pytest.mark.parametrize("point", [*LAST, "layering::deployed"])
def test_too_late_to_stop(host: Host, point: str, act: str) -> None:
    before = host.deployments()
    result = install_at(host, point, act)
    assert result.returncode == 0 and "Complete!" in result.stdout
    assert host.deployments()[1:] == before


def test_kill_after_the_deployment_was_written(host: Host) -> None:
    before = host.deployments()
    assert install_at(host, "layering::deployed", "kill").returncode == -9
    assert host.deployments()[1:] == before
    host.fsck()
    host.done("remove", "app")
    host.wait_for_cleaner()
    host.fsck()


@pytest.mark.parametrize(("act", "code"), [("kill", -9), ("term", 143)])
@pytest.mark.parametrize(
    ("command", "point"),
    [
        ("rollback", "switching::chosen"),
        ("rollback", "switching::written"),
        ("cleanup rollback history", "tidying::chosen"),
        ("cleanup rollback history", "tidying::undeployed"),
        ("cleanup rollback history", "tidying::forgotten"),
    ],
)
def test_commands_about_deployments(host: Host, command: str, point: str, act: str, code: int) -> None:
    host.offer(APP, LIB)
    for verb in ("install", "remove", "install"):
        host.done(verb, "app")
    new, old = host.deployments()
    host.wait_for_cleaner()
    result = host.dnf("-y", *command.split(), extra={"OSTREE_LAYER_FAILPOINT": f"{point}={act}"})
    assert result.returncode == code, result.stdout
    left = {"switching::written": [old, new], "tidying::undeployed": [new], "tidying::forgotten": [new]}
    assert host.deployments() == left.get(point, [new, old])
    host.fsck()
    host.done(*command.split())
    host.done("remove" if point != "switching::chosen" else "install", "app")
    host.wait_for_cleaner()
    host.fsck()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 1), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signal_while_a_scriptlet_runs(host: Host, number: int, code: int) -> None:
    host.offer(SLOW, APP, LIB)
    before = host.deployments()
    run = start(host, "install", "slow")
    wait_until_exists(host, "usr/share/reached")
    os.killpg(run.pid, number)
    assert run.wait(60) == code
    recovers(host, before)


def test_a_second_run_is_told_at_once(host: Host) -> None:
    host.offer(SLOW, APP, LIB)
    run = start(host, "install", "slow")
    wait_until_exists(host, "usr/share/reached")
    result = host.dnf("-y", "install", "app")
    assert result.returncode == 1
    assert result.stdout.endswith(
        "Error: another process is changing the deployments of this host\n(try again when it is done)\n"
    )
    assert "toy-tool" in host.done("list", "--installed")
    assert run.wait(60) == 0
    host.done("install", "app")
    assert host.status()[0]["requests"]["packages"] == ["app", "slow"]


def test_a_run_right_after_another_waits_for_its_clean_up(host: Host) -> None:
    host.offer(APP, LIB)
    for verb in ("install", "remove") * 3:
        host.done(verb, "app")


def start(host: Host, *arguments: str, output: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """Start dnf as the leader of a process group, as a terminal does."""
    argv = guard.sealed(host.folder, host.dnf_argv("-y", *arguments))
    environment = guard.environment(host.folder, host.environment())
    return subprocess.Popen(
        argv, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
    )


def wait_until_exists(host: Host, path: str) -> None:
    for _attempt in range(600):
        if list(host.work.glob(f"staging/*/upper/{path}")):
            return
        time.sleep(0.02)
    raise AssertionError(f"{path} never came")
