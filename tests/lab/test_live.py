# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf apply-live` and --apply-live on a booted host: at once, still read-only, and back."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import conftest, toys
from tests.lab import host
from tests.lab.host import SoftHost
from tests.toys import Toy

UNIT = "[Service]\nExecStart=/usr/bin/napper infinity\n"
FILES = {
    "/usr/lib/systemd/system/napper.service": UNIT,
    "/usr/lib/sysusers.d/napper.conf": "u napper -\n",
    "/usr/lib/tmpfiles.d/napper.conf": "d /var/lib/napper 0750 napper napper -\n",
}
CONF_1 = {"/etc/nap.conf": "1\n", "/etc/nap.d/a": "1\n"}
PROGRAM = {"/usr/bin/napper": "755,root,root"}
SLEEP = Path("/usr/bin/sleep").read_bytes()
OLD = Toy(
    "napper",
    files={
        **FILES,
        "/usr/bin/napper": SLEEP,
        "/usr/share/nap/old": "1\n",
        "/etc/nap.conf": "1\n",
        "/etc/nap.d/a": "1\n",
    },
    attributes={"/usr/bin/napper": "755,root,root"},
)
NEW = Toy(
    "napper",
    "2",
    files={**FILES, "/usr/bin/napper": SLEEP + b"\0", "/usr/share/nap/new/2": "2\n", "/etc/nap.conf": "2\n"},
    attributes=PROGRAM,
)
CORES = [Toy("kernel-toy", version, files={"/usr/share/core": f"{version}\n"}) for version in ("1", "2")]
USER = Toy("core-user", files={"/usr/share/core-user": "1\n"}, requires=("kernel-toy = 2",))
DNF = "dnf -y --repofrompath=toys,file:///run/media/trees --nogpgcheck"
WORK = "/sysroot/ostree/repo/extensions/ostree-layer/live"
RUNS_ALREADY = "Error: there is nothing to apply: what boots next runs already\n"


@pytest.fixture(scope="module")
def machine() -> Iterator[SoftHost]:
    with tempfile.TemporaryDirectory(prefix="live-", dir=conftest.place()) as folder:
        media = Path(folder, "media")
        toys.repository(media, [OLD, NEW, *CORES, USER])
        made = SoftHost(Path(folder, "host"), server=media)
        host.deploy(made, host.installed_repo(), host.REF)
        try:
            yield made
        finally:
            made.remove()


@pytest.fixture(autouse=True)
def fresh(machine: SoftHost) -> Iterator[None]:
    """Each test begins and ends in the first deployment, with an /etc without anything of the packages."""
    before = listed(machine)
    yield
    machine.run("dnf", "-y", "apply-live", "--reset")
    machine.run("dnf", "-y", "cleanup", "pending")
    machine.run("sh", "-c", "rm -rf /etc/mine /etc/nap*")
    assert listed(machine) ^ before == set()


def listed(machine: SoftHost) -> set[str]:
    """What is in /etc but for what the account tools leave there."""
    return set(done(machine, "find /etc -not -name '*-' -not -name .pwd.lock").splitlines())


def done(machine: SoftHost, command: str, status: int = 0) -> str:
    """What a command, which ends with a status, prints."""
    result = machine.run("bash", "-c", command)
    assert result.returncode == status, f"{command}: {result.stdout}"
    return result.stdout


def seen(machine: SoftHost) -> str:
    """What is to be seen of the package: its old or its new files, or none."""
    command = "{ cd /usr/share; find nap -type f; cd /etc; grep -rH . nap*; } 2>/dev/null; true"
    return " ".join(sorted(done(machine, command).split()))


def test_there_changed_and_gone(machine: SoftHost) -> None:
    assert "napper" not in done(machine, "dnf apply-live", 1) and seen(machine) == ""
    said = done(machine, f"{DNF} install napper-1 --apply-live")
    commit = json.loads(done(machine, "dnf status --json"))["deployments"][0]["checksum"]
    live = f"Deployment {commit[:12]} (12) runs now, and a reboot starts it; 'dnf apply-live --reset' takes it back.\n"
    assert f"Reboot to start it, or 'dnf rollback' to drop it.\n{live}Complete!\n" in said
    assert seen(machine) == "nap.conf:1 nap.d/a:1 nap/old"
    assert done(machine, "stat -c '%a %U' /var/lib/napper; systemctl start napper; touch /usr/x 2>&1 || true") == (
        "750 napper\ntouch: cannot touch '/usr/x': Read-only file system\n"
    )
    assert done(machine, "dnf apply-live", 1) == RUNS_ALREADY
    status = done(machine, "dnf status")
    assert f"Applied live: {commit} (12)\n" in status and "nap.conf" not in status, "that is not the admin's"
    done(machine, f"{DNF} upgrade napper")
    assert seen(machine) == "nap.conf:1 nap.d/a:1 nap/old"
    said = done(machine, "dnf apply-live")
    assert "These still run what they were started from: 'systemctl restart napper.service' changes that.\n" in said
    assert seen(machine) == "nap.conf:2 nap/new/2"
    done(machine, "systemctl restart napper")
    said = done(machine, f"{DNF} remove napper --apply-live")
    assert "napper.service" in said and seen(machine) == ""
    said = done(machine, "dnf apply-live --reset")
    assert said.startswith("The booted deployment runs again as it was started; deployment ")
    assert done(machine, f"ls {WORK}; findmnt --noheadings --output=FSTYPE /usr") == "ext4\n"
    assert done(machine, "dnf apply-live --reset", 1) == (
        "Error: nothing was applied to the running system, so there is nothing to take back\n"
    )


def test_what_is_the_admins_stays(machine: SoftHost) -> None:
    done(machine, "mkdir /etc/mine /etc/nap.d; echo mine | tee /etc/nap.conf /etc/nap.d/b")
    done(machine, f"{DNF} install napper-1 --apply-live")
    assert seen(machine) == "nap.conf:mine nap.d/a:1 nap.d/b:mine nap/old"
    done(machine, f"echo mine >/etc/nap.d/a; {DNF} upgrade napper --apply-live")
    assert seen(machine) == "nap.conf:mine nap.d/a:mine nap.d/b:mine nap/new/2"
    done(machine, "dnf apply-live --reset")
    assert seen(machine) == "nap.conf:mine nap.d/a:mine nap.d/b:mine"


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("layered", ""),
        ("recorded", ""),
        ("shown", "nap/new/2"),
        ("given", "nap.conf:2 nap/new/2"),
    ],
)
def test_a_run_that_is_killed(machine: SoftHost, place: str, found: str) -> None:
    done(machine, f"OSTREE_LAYER_FAILPOINT=live::{place}=kill {DNF} install napper --apply-live", -9)
    assert seen(machine) == found
    done(machine, "dnf apply-live --reset" if found else "dnf apply-live")
    assert seen(machine) == ("" if found else "nap.conf:2 nap/new/2")


def test_an_etc_that_cannot_be_written_to(machine: SoftHost) -> None:
    done(machine, "mount --bind /etc /etc && mount -o remount,bind,ro /etc")
    said = done(machine, f"{DNF} install napper --apply-live", 1)
    what = "bringing new defaults to /etc: Read-only file system: /etc/.nap.conf-"
    assert f"Error: the new /usr runs, but {what}" in said
    assert said.endswith("\n('dnf apply-live --reset' takes it back)\n")
    assert seen(machine) == "nap/new/2"
    done(machine, "umount --lazy /etc && dnf apply-live --reset")
    assert seen(machine) == ""


def test_the_plug_is_pulled(machine: SoftHost) -> None:
    done(machine, f"{DNF} install napper --apply-live && echo mine >/etc/nap.d")
    machine.power_off()
    machine.boot()
    assert seen(machine) == "nap.conf:2 nap.d:mine", "nothing has looked yet"
    done(machine, "dnf -y install tree")
    assert seen(machine) == "nap.d:mine" and done(machine, f"ls {WORK}") == ""


def test_what_cannot_be(machine: SoftHost) -> None:
    assert done(machine, "dnf apply-live", 1) == RUNS_ALREADY
    done(machine, f"{DNF} install napper --apply-live")
    assert done(machine, "dnf -y rollback").endswith(
        " boots next. Reboot to start it. What was applied to the running system stays until then, or 'dnf apply-live"
        " --reset'.\n"
    )
    assert done(machine, "dnf apply-live", 1) == (
        "Error: there is nothing to apply: no deployment waits for the reboot\n"
        "('dnf apply-live --reset' takes back what was applied)\n"
    )
    done(machine, "dnf apply-live --reset; dnf stateroot create other")
    done(machine, f"dnf -y rebase --stateroot=other {host.REF}")
    said = done(machine, "dnf apply-live", 1)
    assert ", which boots next, is of the stateroot other, and not of the one that runs, world\n" in said
    done(machine, "dnf -y cleanup pending; dnf -y stateroot remove other; ostree admin unlock")
    said = done(machine, f"{DNF} install napper --apply-live", 1)
    assert said.endswith(
        "Error: the booted deployment is unlocked: what was changed in /usr would be hidden\n"
        "('dnf system-commit' makes a deployment of what was changed; reboot to start it)\n"
    )
    machine.reboot()
    somewhere = f"OSTREE_SYSROOT=/sysroot/elsewhere {DNF} install napper --apply-live"
    assert done(machine, somewhere, 1).startswith("Error: OSTREE_SYSROOT names /sysroot/elsewhere")


def test_a_reboot_starts_what_was_staged_after_it(machine: SoftHost) -> None:
    """At the shutdown /etc is as the admin has it: libostree would keep what it was given by the version before."""
    done(machine, f"{DNF} install napper-1 --apply-live && {DNF} upgrade napper && echo mine >/etc/nap.d/b")
    assert seen(machine) == "nap.conf:1 nap.d/a:1 nap.d/b:mine nap/old"
    machine.reboot()
    assert seen(machine) == "nap.conf:2 nap.d/b:mine nap/new/2"
    done(machine, "dnf -y rollback")
    machine.reboot()
    assert seen(machine) == "nap.d/b:mine", "what was booted then has nothing of it"
    done(machine, f"{DNF} install napper-1 --apply-live && systemctl start napper && dnf -y rollback")
    machine.reboot()
    assert seen(machine) == "nap.d/b:mine"
    done(machine, "rm -r /etc/nap.d; dnf -y cleanup rollback")


def test_what_is_left_to_the_reboot(machine: SoftHost) -> None:
    done(machine, f"{DNF} install kernel-toy-1 napper-1")
    machine.reboot()
    said = done(machine, f"{DNF} upgrade --apply-live && {DNF} install core-user --apply-live")
    assert "Left to the reboot: kernel-toy.\n" in said and "Left to the reboot: core-user kernel-toy.\n" in said
    assert done(machine, "cat /usr/share/core; ls /usr/share/core-user", 2).startswith("1\n")
    assert seen(machine) == "nap.conf:2 nap/new/2"
    assert ", but for core-user kernel-toy\n" in done(machine, "dnf status")
    machine.reboot()
    assert done(machine, "cat /usr/share/core /usr/share/core-user") == "2\n1\n"
    assert done(machine, f"findmnt --noheadings --output=FSTYPE /usr; ls {WORK} | wc -l") == "ext4\n2\n"
    done(machine, "ostree admin config-diff | grep nap", 1)
    done(machine, "dnf -y remove kernel-toy napper")
    machine.reboot()
    assert done(machine, f"ls {WORK}") == ""
