# SPDX-License-Identifier: GPL-2.0-or-later
"""What is made of what a probe tells: a real one, which was recorded, and those that mean harm or tell nothing."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ostree_layer.hosting import results, smoketest_report
from ostree_layer.hosting.smoketest_report import Candidate
from ostree_layer.hosting.smoketest_words import Outcome, lines
from ostree_layer.hosting.smoketests import Results
from ostree_layer.vm.machine import plain
from ostree_layer.vm.probe import Heard, Probe, Trial
from tests import recorded

PROBE = Probe(recorded.COMMIT, "", 75, recorded.COMMANDS)
TREE = Candidate("world/12/x86_64/broken", recorded.COMMIT, "12.1")
PASSED = "up\n" + "".join(f"begin {n:02}\n|a.target\nend {n:02} 0\n" for n in range(len(PROBE.checks))) + "done\n"


def told(text: str, **values: Any) -> Trial:
    """A trial in which the probe tells this."""
    given: dict[str, Any] = {"started": 1.8e9, "accelerator": "tcg", "seconds": 50.3, "end": "", "console": "Linux\n"}
    return Trial(heard=PROBE.hear(text.splitlines()), **{**given, **values})


def failures(trial: Trial) -> list[str]:
    return list(smoketest_report.sentences(trial, PROBE))


def test_a_real_answer() -> None:
    found = smoketest_report.document(told(recorded.TOLD, seconds=None), PROBE, TREE)
    assert found["failures"] == [
        "graphical.target was not reached within 75 s; still at work: endless.service",
        "'test -e /nowhere' failed with status 1",
        "1 unit has failed: broken.service",
    ]
    assert not found["passed"] and (found["ref"], found["version"], found["tests"]) == (TREE.ref, "12.1", 8)
    assert found["target"] == "graphical.target" and found["jobs"][0].split()[1:] == [
        "endless.service",
        "start",
        "running",
    ]
    assert found["seconds"] == {"target": None, "kernel": 4.89, "initrd": 12.56}
    (failed,) = found["failed_units"]
    assert failed["unit"] == "broken.service" and failed["log"].endswith("Failed to start broken.service - Breaks.")
    status = {check["name"]: check["status"] for check in found["checks"]}
    assert [number for number in status.values() if number] == [1, 1, 1] and status["/usr is read-only"] == 0
    assert found["started"] == "2027-01-15T08:00:00Z"


def test_one_that_passes(folder: Path) -> None:
    trial = told(PASSED)
    report = smoketest_report.document(trial, PROBE, TREE)
    assert report["passed"] and report["failures"] == []
    kept = Results(folder / "new" / "results")
    kept.write(report, trial)
    kept.show()
    assert kept.read(TREE.commit) == json.loads(json.dumps(report))
    result = results.read(kept.report(TREE.commit))
    assert (result.name, result.tests) == ("report.json", 8)
    (line, _where) = lines([Outcome(TREE, report, kept.page(TREE.commit))], kept.folder)
    assert line == f"{TREE.ref}, commit 643ca68ebe3d (12.1) has passed: a.target after 50.3 s."
    kept.write(smoketest_report.document(told("", end="time"), PROBE, TREE), told("", end="time"))
    with pytest.raises(Exception, match="says that something failed"):
        results.read(kept.report(TREE.commit))


@pytest.mark.parametrize(
    ("text", "values", "sentence"),
    [
        ("", {"end": "time"}, "its systemd was not up within 75 s"),
        ("up\n", {"end": "time"}, "'the target is reached' had no answer in time"),
        ("up\n", {"end": "off"}, "it has restarted or gone out by itself"),
        ("up\n", {"end": "off", "console": "Kernel panic - not syncing: why \n"}, "its kernel has panicked: why"),
        ("up\n", {"end": "loud"}, "it writes without end, and was stopped"),
        (PASSED.replace("done\n", ""), {"end": "time"}, "it did not come to its end in time"),
        (PASSED.replace("end 05 0", "end 05"), {}, "'systemctl --version' was not answered"),
        (PASSED.replace("end 05 0", "end 05 3"), {}, "'systemctl --version' failed with status 3: a.target"),
        (PASSED.replace("end 00 0", "end 00 1"), {}, "a.target was not reached, and nothing is being started any more"),
        (
            PASSED.replace("|a.target\nend 07 0", "|a.service\n|  no\n|b.service\n|\nend 07 1"),
            {},
            "2 units have failed: a.service, b.service",
        ),
    ],
)
def test_each_failure_has_its_sentence(text: str, values: dict[str, Any], sentence: str) -> None:
    trial = told(text, **values)
    assert failures(trial) == [sentence]
    assert not smoketest_report.document(trial, PROBE, TREE)["passed"]


def test_an_answer_counts_once_and_nonsense_not_at_all() -> None:
    twice = PASSED.replace("end 01 0", "end 01 1") + "begin 01\nend 01 0\nbegin 77\nend 77 0\nend 99 0\nbegin \n|\x00\n"
    assert [name[:13] for name in failures(told(twice))] == ["'the commit t"]
    assert PROBE.hear(["\x1b[0m", "|x", "end 00 0", "begin 00 0 0"]) == Heard()
    assert PROBE.hear(["begin 08", "|FinishTimestampMonotonic=9", "|InitRDTimestampMonotonic=oops"]).times == {}


def test_what_terminals_do_not_see() -> None:
    said = plain(b"\x1b]0;title\x07a\x1b[31mb\x1b[0m\x1b(B\r\r\n\xc2\x9b2Jc\xe2\x80\xaed\x08\xff\tend\x1b]0;no end\n")
    assert said == "ab\n2Jcd\ufffd   end\n"
    trial = told("up\nbegin 07\n|\u202eevil\x9b.service\nend 07 1\n", end="time")
    report = smoketest_report.document(trial, PROBE, TREE)
    assert all(line.isprintable() for line in lines([Outcome(TREE, report, Path("/p"), console="\x1b[2J")], Path("/r")))


def test_what_is_asked_for_is_told_apart() -> None:
    assert PROBE.digest() == dataclasses.replace(PROBE, seconds=3).digest()
    others: list[dict[str, Any]] = [{"target": "a.target"}, {"commands": ()}, {"commit": "0" * 64}]
    assert len({PROBE.digest(), *(dataclasses.replace(PROBE, **other).digest() for other in others)}) == 4


def test_scripts_are_those_of_any_shell(tmp_path: Path) -> None:
    for path, text in PROBE.content().items():
        if isinstance(text, str) and not path.endswith(".service"):
            (tmp_path / "script").write_text(text)
            for shell in (["dash", "-n"], ["bash", "--posix", "-n"], ["busybox", "sh", "-n"]):
                done = subprocess.run([*shell, str(tmp_path / "script")], capture_output=True, text=True, check=False)
                assert (done.returncode, done.stderr) == (0, ""), path
