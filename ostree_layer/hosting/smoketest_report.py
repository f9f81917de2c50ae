# SPDX-License-Identifier: GPL-2.0-or-later
"""What a smoke test has found: as a document for programs, and as a sentence for each thing that failed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from ostree_layer.vm.probe import Answer, Probe, Trial

# Raised when what is in a report changes its meaning, not when something is added.
FORMAT = 1
CONSOLE, SCREEN = "console.txt", "console.png"
PANIC = re.compile(r"Kernel panic - not syncing: (.*)")
NOTHING = Answer(None, "")


class Candidate(NamedTuple):
    """Which tree it was."""

    ref: str
    commit: str
    version: str


def document(trial: Trial, probe: Probe, tested: Candidate) -> dict[str, Any]:
    """All that is known of it, but for console and picture."""
    failures = list(sentences(trial, probe))
    target, jobs = _target(trial, probe)
    times = {"target": trial.seconds, **trial.heard.times}
    return {
        "format": FORMAT,
        "passed": not failures,
        "failures": failures,
        "tests": len(probe.checks),
        **tested._asdict(),
        "target": target,
        "timeout": probe.seconds,
        "accelerator": trial.accelerator,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(trial.started)),
        "seconds": times,
        "checks": list(_checks(trial, probe)),
        "failed_units": [{"unit": unit, "log": log} for unit, log in _failed_units(trial, probe).items()],
        "jobs": jobs,
        "console": CONSOLE,
        "screenshot": SCREEN if trial.screen is not None else None,
        "probe": probe.digest(),
    }


def _checks(trial: Trial, probe: Probe) -> Iterator[dict[str, Any]]:
    for number, check in enumerate(probe.checks):
        status, output = trial.heard.answers.get(number, NOTHING).status, _answer(trial, number).output
        yield {"name": check.name, "passed": status == 0, "status": status, "output": output}


def _answer(trial: Trial, number: int) -> Answer:
    return trial.heard.answers.get(number, NOTHING)


def _target(trial: Trial, probe: Probe) -> tuple[str, list[str]]:
    """Its name, and the jobs that were not done where it was not reached."""
    name, *jobs = [line.strip() for line in _answer(trial, 0).output.splitlines()] or [""]
    return name or probe.target or "default.target", jobs


def _failed_units(trial: Trial, probe: Probe) -> dict[str, str]:
    """What each of them said last, by their names."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in _answer(trial, len(probe.checks) - 1).output.splitlines():
        if line and not line.startswith(" "):
            name = line
            found[name] = []
        elif name:
            found[name].append(line[2:])
    return {unit: "\n".join(lines) for unit, lines in found.items()}


def sentences(trial: Trial, probe: Probe) -> Iterator[str]:
    """One for each failure; none for a tree that has passed."""
    if trial.end:
        yield _end(trial, probe)
    checks, last = probe.checks, len(probe.checks) - 1
    for number, check in enumerate(checks):
        status = _answer(trial, number).status
        if status is None and not trial.end:
            yield f"'{check.name}' was not answered"
        elif status and number == 0:
            yield _missed(trial, probe)
        elif status and number == last:
            yield _broken(list(_failed_units(trial, probe)))
        elif status:
            said = [line.strip() for line in _answer(trial, number).output.splitlines() if line.strip()]
            yield f"'{check.name}' failed with status {status}" + (f": {said[-1]}" if said else "")


def _end(trial: Trial, probe: Probe) -> str:
    panic = PANIC.search(trial.console)
    if panic:
        return f"its kernel has panicked: {panic[1].strip()}"
    if trial.end == "off":
        return "it has restarted or gone out by itself"
    if trial.end == "loud":
        return "it writes without end, and was stopped"
    if not trial.heard.is_up:
        return f"its systemd was not up within {probe.seconds} s"
    begun = [check.name for number, check in enumerate(probe.checks) if _answer(trial, number).status is None]
    return f"'{begun[0]}' had no answer in time" if begun else "it did not come to its end in time"


def _missed(trial: Trial, probe: Probe) -> str:
    target, jobs = _target(trial, probe)
    if not jobs:
        return f"{target} was not reached, and nothing is being started any more"
    words = [job.split() for job in jobs]
    running = [row[1] for row in words if len(row) == 4 and row[3] == "running"]
    still = f"; still at work: {', '.join(running)}" if running else ""
    return f"{target} was not reached within {probe.seconds} s{still}"


def _broken(units: list[str]) -> str:
    return f"{len(units)} unit{' has' if len(units) == 1 else 's have'} failed: {', '.join(units)}"
