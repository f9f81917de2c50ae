# SPDX-License-Identifier: GPL-2.0-or-later
"""Any sequence of commands on a host that follows a server: what the user wants is kept, whatever tree is below it."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from tests import streams, sysroots
from tests.conftest import place
from tests.streams import REMOTE, TREES

EXAMPLES = int(os.environ.get("OSTREE_LAYER_EXAMPLES", "3"))
REFS = tuple(TREES)
NEXT = {"1.1": "1.2", "1.2": "1.3"}
# Which of them a base has beside toy-base, and in which version.
BASES = {v: {toy.name: toy.version for toy in toys} for trees in TREES.values() for v, toys in trees.items()}
NAMES = ("app", "other", "extra", "toy-tool")
TO = f"system-switch {REMOTE}:toy"
STEPS = [
    *(f"{verb} {name}" for verb in ("install", "remove") for name in NAMES),
    *(f"system-switch {REMOTE}:{ref}" for ref in REFS),
    *("publish", "upgrade", "rollback", "recompose"),
]


@dataclasses.dataclass(frozen=True)
class State:
    """A deployment as its user understands it: the version of its base, what is wanted beside it, and what is not.

    `has_newest_tool` tells whether toy-tool has been upgraded by itself.
    """

    version: str
    wanted: frozenset[str] = frozenset()
    unwanted: frozenset[str] = frozenset()
    has_newest_tool: bool = False

    @property
    def tree(self) -> dict[str, str]:
        """The packages that such a tree has, with their versions, and without toy-base."""
        found = {**{name: BASES[self.version].get(name, "1") for name in self.wanted}, **BASES[self.version]}
        found = {name: version for name, version in found.items() if name not in self.unwanted}
        if "app" in found:
            found["lib"] = "1"
        if "toy-tool" in found and self.has_newest_tool:
            found["toy-tool"] = "2"
        return found

    def installing(self, name: str) -> State:
        if name in self.tree:
            return self
        if name in BASES[self.version]:
            newest = self.has_newest_tool or (name == "toy-tool" and BASES[self.version][name] == "1")
            return dataclasses.replace(self, unwanted=self.unwanted - {name}, has_newest_tool=newest)
        return dataclasses.replace(self, wanted=self.wanted | {name}, unwanted=self.unwanted - {name})

    def removing(self, name: str) -> State:
        if name not in self.tree:
            return self
        unwanted = self.unwanted | ({name} & BASES[self.version].keys())
        newest = self.has_newest_tool and name != "toy-tool"
        return State(self.version, self.wanted - {name}, unwanted, newest)

    def upgrading(self, tip: str) -> State:
        if tip != self.version:
            return dataclasses.replace(self, version=tip)
        return dataclasses.replace(self, has_newest_tool=self.has_newest_tool or self.tree.get("toy-tool") == "1")


class Walk:
    """A host and its server, and what they are thought to be."""

    def __init__(self, composed: Path, folder: Path) -> None:
        self.stream = streams.begin(composed, folder)
        self.tips = {ref: next(iter(versions)) for ref, versions in TREES.items()}
        for version in self.tips.values():
            self.stream.publish(version)
        self.host = self.stream.host(folder / "host")
        self.states = [State("1.1")]

    def step(self, words: str) -> None:
        verb, _, word = words.partition(" ")
        now = self.states[0]
        if verb == "publish":
            following = NEXT.get(self.tips[REFS[0]])
            if following:
                self.stream.publish(following)
                self.tips[REFS[0]] = following
            return
        if verb == "rollback":
            self.roll_back()
            return
        ref = next(ref for ref, versions in TREES.items() if now.version in versions)
        target = {
            "install": lambda: now.installing(word),
            "remove": lambda: now.removing(word),
            "upgrade": lambda: now.upgrading(self.tips[ref]),
            "system-switch": lambda: dataclasses.replace(now, version=self.tips[word.partition(":")[2]]),
            "recompose": lambda: now,
        }[verb]()
        self.expect(words, target, is_new=target != now or (verb == "recompose" and self.is_local))

    @property
    def is_local(self) -> bool:
        """Whether it is a tree of the host's own, and not a composed one."""
        return bool(self.host.status()[0]["base"])

    def roll_back(self) -> None:
        before = self.host.deployments()
        done = self.host.dnf("-y", "rollback")
        if len(before) == 1:
            assert done.returncode == 1 and "so there is nothing to roll back to" in done.stdout
            assert self.host.deployments() == before
            return
        assert done.returncode == 0 and self.host.deployments() == before[::-1], done.stdout
        self.states.reverse()
        self.check(done.stdout)

    def expect(self, words: str, target: State, *, is_new: bool) -> None:
        """Run it: one deployment more, of the target, or where nothing is to change, none."""
        before = self.host.deployments()
        printed = self.host.done(*words.split())
        after = self.host.deployments()
        if not is_new:
            assert after == before, printed
            return
        assert after[0] not in before and after[1:] == before[:1], printed
        self.states = [target, self.states[0]]
        self.check(printed)

    def check(self, printed: str) -> None:
        """The tree has what is wanted, and the requests say it, each once."""
        state, status = self.states[0], self.host.status()[0]
        requests = streams.requests(self.host)
        assert (status["base_version"] or status["version"]) == state.version, printed
        assert streams.names(self.host) == {"toy-base", *state.tree}, (printed, requests)
        for name in ("app", "other", "extra", "toy-tool"):
            path = self.host.tree / "usr/bin" / name
            assert (path.read_text() if path.exists() else None) in self.content(name), (name, printed)
        said = [f"{field}:{value}" for field in ("packages", "removed") for value in requests.get(field, [])]
        said += [entry for entry in requests.get("inactive", []) if not entry.startswith("replaced:")]
        said += requests.get("parked", [])
        wanted = {*(f"packages:{name}" for name in state.wanted), *(f"removed:{name}" for name in state.unwanted)}
        # lib comes and goes with app.
        assert sorted(set(said) - {"removed:lib"}) == sorted(wanted), (requests, printed)
        assert len(said) == len(set(said)), requests
        assert not requests.get("parked"), requests

    def content(self, name: str) -> tuple[str | None, ...]:
        tree = self.states[0].tree
        return (None,) if name not in tree else (f"{tree[name]}\n", "")

    def end(self) -> None:
        self.host.fsck()
        self.expect("recompose", self.states[0], is_new=self.is_local)
        self.host.wait_for_cleaner()


# What is wanted last holds, also against a request that waits for another base.
@example(steps=["publish", "publish", "upgrade", "remove app", f"{TO}/1/plus", "install app", f"{TO}/1/base"])
@example(steps=["upgrade", f"{TO}/2/base", "remove toy-tool", f"{TO}/1/plus"])
@given(steps=st.lists(st.sampled_from(STEPS), min_size=4, max_size=6))
@settings(
    max_examples=EXAMPLES,
    derandomize="OSTREE_LAYER_EXAMPLES" not in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_any_sequence(composed: Path, steps: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="walk-", dir=place()) as folder:
        walk = Walk(composed, Path(folder))
        try:
            for step in steps:
                note(step)
                walk.step(step)
            walk.end()
        finally:
            sysroots.wait_for_cleaner(walk.host.sysroot)
