# SPDX-License-Identifier: GPL-2.0-or-later
"""What was done to a running host by hand, and reboots: one host; each test goes on where the last one ended."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import conftest
from tests.lab import host
from tests.lab.host import SoftHost
from tests.lab.test_told import done

pytestmark = pytest.mark.xdist_group("by-hand")

NOTHING = "Nothing to do: nothing was changed in /usr by hand.\n"
RPM = "rpm -i --nodeps --noscripts /run/media/world/bc-*.rpm 2>&1"
EDIT = f"""touch /usr/bin/ls
mkdir -p /usr/share/new/empty
printf '#!/bin/sh\\necho fixed\\n' > /usr/bin/fix
chown mail /usr/bin/fix
chmod 4755 /usr/bin/fix
ln -s fix /usr/bin/mend
echo '#' >> /usr/bin/ldd
rm /usr/bin/clear
mv /usr/share/readline /usr/share/editline
echo mine > /usr/etc/mine.conf
echo 'a = 1' > /usr/lib/python3/dist-packages/mine.py
python3 -c 'import mine'
test -e /usr/lib/python3/dist-packages/__pycache__/mine.*.pyc
{RPM}
"""
SHOWN = """  Files that no package owns: 6
    /usr/bin/fix
    /usr/bin/mend
    /usr/etc/mine.conf
    /usr/lib/python3/dist-packages/mine.py
    /usr/share/editline/inputrc
    /usr/share/new/empty/
  Changed files of packages: 1
    /usr/bin/ldd (libc-bin)
  Removed files: 2
    /usr/bin/clear (ncurses-bin)
    /usr/share/readline/inputrc (readline-common)
  Packages:
    Added       bc-1.07.1-3+b1.x86_64
  From now on asked for, on other trees, too: bc
An upgrade of the tree, or another one, comes without these files.
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[SoftHost]:
    with tempfile.TemporaryDirectory(prefix="by-hand-", dir=conftest.place()) as folder:
        made = host.make(Path(folder, "host"))
        try:
            yield made
        finally:
            made.remove()


def deployments(machine: SoftHost) -> list[str]:
    return [one["id"] for one in json.loads(done(machine, "dnf status --json"))["deployments"]]


def running(machine: SoftHost) -> Path:
    """The /usr of the booted deployment, seen from outside."""
    name = done(machine, "ostree admin status | awk '$1 == \"*\" {print $3}'").strip()
    return machine.sysroot / f"ostree/deploy/{host.STATEROOT}/deploy/{name}/usr"


def test_a_transaction_with_a_reboot(machine: SoftHost) -> None:
    before = deployments(machine)
    soft = done(machine, "dnf -y install tree --soft-reboot", 1)
    assert "Error: --soft-reboot is not possible here: its systemd has no soft-reboot.target" in soft
    assert "libostree has no deployment_set_soft_reboot" in soft and soft.endswith("\n(--reboot works)\n")
    assert "Dependencies resolved" not in soft and deployments(machine) == before
    assert "Nothing to do" in done(machine, "dnf -y install bash --reboot")
    assert done(machine, "true") == "", "nothing was deployed, so it still runs"
    printed = machine.run("dnf", "-y", "install", "tree", "--reboot").stdout
    assert printed.endswith("Complete!\nRebooting into it.\n")
    machine.wait_for_end()
    machine.boot()
    assert deployments(machine)[1:] == before
    done(machine, "tree --version")


def test_systemd_does_not_want_to(machine: SoftHost) -> None:
    done(machine, "systemctl mask --runtime reboot.target")
    printed = done(machine, "dnf -y rollback --reboot", 1)
    assert "Rebooting into it.\nError: systemd does not reboot now: " in printed, printed
    assert printed.endswith("(what was made waits for a reboot)\n")
    machine.reboot()
    done(machine, "tree --version", 127)


def test_nothing_by_hand(machine: SoftHost) -> None:
    assert done(machine, "dnf -y system-commit --unchanged-exit-77", 77) == NOTHING
    done(machine, "ostree admin unlock")
    done(machine, "rpm -q bash && touch /usr/bin/ls")
    assert done(machine, "dnf -y system-commit") == NOTHING


def test_what_is_found(machine: SoftHost) -> None:
    before = deployments(machine)
    done(machine, EDIT)
    printed = done(machine, "dnf system-commit --assumeno", 1)
    assert printed.endswith(SHOWN), printed
    done(machine, "mkfifo /usr/lib/pipe")
    refused = done(machine, "dnf -y system-commit", 1)
    assert refused == "Error: /usr/lib/pipe is a device, a socket or a fifo, and a tree cannot hold one\n"
    done(machine, "rm /usr/lib/pipe")
    assert deployments(machine) == before


@pytest.mark.parametrize(("point", "act"), [("system-commit::staged", "kill"), ("commit::written", "nospace")])
def test_what_fails_leaves_the_host_as_it_was(machine: SoftHost, point: str, act: str) -> None:
    before = deployments(machine)
    failed = machine.run("env", f"OSTREE_LAYER_FAILPOINT={point}={act}", "dnf", "-y", "system-commit")
    assert failed.returncode not in (0, 77) and "Staged deployment" not in failed.stdout
    assert "Traceback" not in failed.stdout
    assert deployments(machine) == before


def test_it_becomes_a_deployment(machine: SoftHost) -> None:
    printed = done(machine, "dnf -y system-commit -m 'the fix'")
    still = "Until then the unlocked deployment runs; what is changed in it from now on is not in the new one.\n"
    assert printed.endswith(f"Reboot to start it, or 'dnf rollback' to drop it.\n{still}")
    assert "           By hand: 9 files\n" in done(machine, "dnf status")
    waits = done(machine, "dnf -y system-commit", 1)
    assert "waits for the reboot, and what was changed by hand is not on it\n" in waits
    machine.reboot()
    assert done(machine, "fix; mend") == "fixed\nfixed\n"
    assert done(machine, "stat -c '%a %U' /usr/bin/fix") == "4755 mail\n"
    assert done(machine, "ls /usr/share/editline /usr/share/new; cat /usr/etc/mine.conf") == (
        "/usr/share/editline:\ninputrc\n\n/usr/share/new:\nempty\nmine\n"
    )
    done(machine, "tail -n1 /usr/bin/ldd | grep -x '#' && rpm -q bc && test ! -e /usr/bin/clear")
    done(machine, "! ls -d /usr/share/readline /usr/lib/python3/dist-packages/__pycache__/mine.*")
    assert "the fix" in done(machine, "ostree log $(ostree admin status | awk 'NR == 1 {print $3}' | cut -d. -f1)")
    assert "dnf -y system-commit -m" in done(machine, "dnf history list")
    assert "Comment        : the fix\n" in done(machine, "dnf history info last")


def test_it_stays_through_a_transaction_and_not_through_a_move(machine: SoftHost) -> None:
    done(machine, "dnf -y install nano")
    first = json.loads(done(machine, "dnf status --json"))["deployments"][0]
    assert first["requests"]["packages"] == ["bc", "nano"] and "/usr/bin/fix" in first["by_hand"]["unowned"]
    left = "By hand, and not taken along: 9 files; 'dnf status --json' names what is by hand.\n"
    assert left in done(machine, "dnf --assumeno recompose", 1)
    done(machine, "dnf -y rollback")
    assert left in done(machine, "dnf --assumeno rebase world/12/x86_64/minimal", 1)


def test_changes_in_the_folder_of_the_deployment(machine: SoftHost) -> None:
    usr = running(machine)
    (usr / "bin/mend").unlink()
    (usr / "bin/more-mending").write_text("")
    printed = done(machine, "dnf -y system-commit")
    assert "  Files that no package owns: 1\n    /usr/bin/more-mending\nAn upgrade" in printed, printed
    by_hand = json.loads(done(machine, "dnf status --json"))["deployments"][0]["by_hand"]
    assert "/usr/bin/more-mending" in by_hand["unowned"] and "/usr/bin/mend" not in by_hand["unowned"]
    done(machine, "dnf -y rollback")
    # Its object is in no other repository.
    with (usr / "bin/fix").open("a") as file:
        file.write("echo more\n")
    damaged = done(machine, "dnf -y system-commit", 1)
    assert f"Error: the files of deployment {usr.parent.name[:12]} were written to in place: /usr/bin/fix\n" in damaged


def test_a_hotfix_whose_overlay_is_named_from_its_deployment(machine: SoftHost) -> None:
    done(machine, "ostree admin unlock --hotfix && echo hot > /usr/bin/hot")
    assert "    /usr/bin/hot\n" in done(machine, "dnf -y system-commit")
    first, second = json.loads(done(machine, "dnf status --json"))["deployments"][:2]
    assert (first["unlocked"], second["unlocked"]) == ("", "hotfix")
    said = done(machine, "umount --lazy /usr && dnf -y system-commit --from-booted", 1)
    assert said.startswith("Error: /usr is not the writable overlay of 'ostree admin unlock' as this process sees it\n")
