# SPDX-License-Identifier: GPL-2.0-or-later
"""What looks at a tree from inside, once it runs: a unit that runs checks, and tells by their exit statuses.

It needs a shell, coreutils and systemctl, and writes to a serial line. What it is told to do comes to its /run.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import shlex
from collections.abc import Iterable

from ostree_layer.vm.supplement import Link, enabled

UNIT, FOLDER = "ostree-layer-smoketest.service", "ostree-layer-smoketest"
# It is started at once, whatever is still to come, and stays when the host ends in its emergency mode.
SERVICE = f"""[Unit]
Description=Smoke test
DefaultDependencies=no
IgnoreOnIsolate=yes
[Service]
Type=simple
ExecStart=/bin/sh /run/{FOLDER}/probe
StandardOutput=file:/dev/ttyS1
"""
STARTED_BY = "sysinit.target"
# Bytes of what a check prints that are kept.
KEPT = 8192
PROBE = """cd /run/{folder}
echo up
target={target}
export target=${{target:-$(systemctl get-default)}}
for check in checks/*; do
    echo "begin ${{check##*/}}"
    sh "$check" >output 2>&1 </dev/null
    status=$?
    head -c {kept} output | while IFS= read -r line || [ -n "$line" ]; do printf '|%s\\n' "$line"; done
    echo "end ${{check##*/}} $status"
done
echo done
"""
# The first check waits. Where nothing is to be started any more, there is nothing to wait for.
TARGET = """echo "$target"
idle=0
until systemctl is-active --quiet "$target"; do
    read -r now rest </proc/uptime
    [ "${{now%%.*}}" -lt {seconds} ] || break
    case $(systemctl is-system-running) in
        initializing|starting) idle=0 ;;
        *) idle=$((idle + 1)); [ "$idle" -lt 3 ] || break ;;
    esac
    sleep 1
done
systemctl is-active --quiet "$target" && exit
systemctl list-jobs --plain --no-legend --no-pager
exit 1
"""
COMMIT = """for word in $(cat /proc/cmdline); do
    case $word in ostree=*) link=/sysroot${{word#ostree=}} ;; esac
done
at=$(readlink -f "$link") || exit
echo "$at"
case ${{at##*/}} in {commit}.*) ;; *) echo 'it is another commit'; exit 1 ;; esac
[ "$(stat -c %d:%i "$at")" = "$(stat -c %d:%i /)" ] && exit
case $(cat /proc/mounts) in 'composefs / '*|*'
composefs / '*) exit 0 ;; esac
echo 'it is not the root'
exit 1
"""
READ_ONLY = """touch /usr/.smoketest 2>&1 || exit 0
rm /usr/.smoketest
echo '/usr can be written to'
exit 1
"""
WRITABLE = """for folder in /etc /var; do
    file=$(mktemp "$folder/.smoketest-XXXXXX") && rm "$file" || exit
done
"""
# What comes after the target is waited for, too, for a while.
FAILED = """for second in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    systemctl is-active --quiet "$target" || break
    case $(systemctl is-system-running) in initializing|starting) sleep 1 ;; *) break ;; esac
done
units=$(systemctl list-units --state=failed --full --plain --no-legend --no-pager | while read -r unit rest; do
    echo "$unit"
done)
[ -n "$units" ] || exit 0
for unit in $units; do
    printf '%s\\n' "$unit"
    systemctl status --full --lines=10 --no-pager "$unit" | while IFS= read -r line; do printf '  %s\\n' "$line"; done
done
exit 1
"""
LOGIN = """systemctl is-active --quiet getty.target || { echo 'getty.target is not started'; exit 0; }
found=$(systemctl list-units --state=active --full --plain --no-legend --no-pager '*getty*.service')
printf '%s\\n' "$found"
[ -n "$found" ]
"""
# Microseconds since the kernel was started; no check, and nothing depends on it.
TIMES = """names='InitRDTimestampMonotonic UserspaceTimestampMonotonic FinishTimestampMonotonic'
for name in $names; do systemctl show --property="$name"; done
"""
WORD = re.compile(r"(begin|end) (\d\d)(?: (\d{1,3}))?")
TIME = re.compile(r"(InitRD|Userspace|Finish)TimestampMonotonic=(\d{1,15})")


@dataclasses.dataclass(frozen=True)
class Check:
    """A command that the tree has to run with exit status 0; `command` is empty for those that every tree gets."""

    name: str
    script: str
    command: str = ""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came of a check; `status` is None for one that was begun and has not ended."""

    status: int | None
    output: str


@dataclasses.dataclass(frozen=True)
class Heard:
    """What the probe has told so far: checks by their numbers, and the seconds that each part of the boot took."""

    is_up: bool = False
    is_done: bool = False
    answers: dict[int, Answer] = dataclasses.field(default_factory=dict)
    times: dict[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Trial:
    """What came of one boot: `seconds` are those until the target, None where that was not reached.

    `end` says why the machine was given up before the probe was done: `off`, it went out by itself; `loud`, it wrote
    too much; `time`. `left_out` are the bytes that the console showed before those that are kept.
    """

    started: float
    accelerator: str
    seconds: float | None
    heard: Heard
    end: str
    console: str
    left_out: int = 0
    screen: bytes | None = None


@dataclasses.dataclass(frozen=True)
class Probe:
    """What is to be asked of a commit: the target, empty for the tree's own, in seconds; and the user's commands."""

    commit: str
    target: str
    seconds: int
    commands: tuple[str, ...] = ()

    @property
    def checks(self) -> list[Check]:
        """In their order; the first one is about the target, and the second to last about units that have failed."""
        return [
            Check("the target is reached", TARGET.format(seconds=self.seconds)),
            Check("the commit that was asked for is the root", COMMIT.format(commit=self.commit)),
            Check("/usr is read-only", READ_ONLY),
            Check("/etc and /var can be written to", WRITABLE),
            Check("a login prompt is offered", LOGIN),
            *(Check(command, command, command) for command in self.commands),
            Check("no unit has failed", FAILED),
        ]

    def content(self) -> dict[str, str | Link]:
        """What is to come to the /run of the host."""
        probe = PROBE.format(folder=FOLDER, target=shlex.quote(self.target), kept=KEPT)
        scripts = [*(check.script for check in self.checks), TIMES]
        checks = {f"{FOLDER}/checks/{number:02}": f"{script}\n" for number, script in enumerate(scripts)}
        return {**enabled(UNIT, SERVICE, STARTED_BY), f"{FOLDER}/probe": probe, **checks}

    def digest(self) -> str:
        """The same for the same questions, however long one waits for the answers."""
        asked = dataclasses.replace(self, seconds=0)
        return hashlib.sha256(repr(sorted(asked.content().items())).encode()).hexdigest()

    def hear(self, lines: Iterable[str]) -> Heard:
        """Understand what came over the line; what makes no sense is nothing."""
        outputs: dict[int, list[str]] = {}
        ends: dict[int, int] = {}
        said, current = set(), -1
        for line in lines:
            found = WORD.fullmatch(line.strip())
            if line.startswith("|") and current in outputs:
                outputs[current].append(line[1:].rstrip())
            elif found and found[1] == "begin" and int(found[2]) not in outputs:
                current = int(found[2])
                outputs[current] = []
            elif found and found[1] == "end" and int(found[2]) == current and found[3]:
                ends[current], current = int(found[3]), -1
            else:
                said.add(line.strip())
        answers = {number: Answer(ends.get(number), "\n".join(output)) for number, output in outputs.items()}
        times = answers.pop(len(self.checks), Answer(None, ""))
        known = {number: answer for number, answer in answers.items() if number < len(self.checks)}
        return Heard("up" in said, "done" in said, known, _times(times.output))


def _times(output: str) -> dict[str, float]:
    """Of what systemd says; only the parts that there were."""
    stamps = {name: int(value) / 1e6 for name, value in TIME.findall(output)}
    initrd, userspace, finish = (stamps.get(name, 0.0) for name in ("InitRD", "Userspace", "Finish"))
    found = {"kernel": initrd or userspace, "initrd": userspace - initrd if initrd else 0.0}
    found["userspace"] = finish - userspace if userspace else 0.0
    return {name: round(seconds, 2) for name, seconds in found.items() if seconds > 0}
