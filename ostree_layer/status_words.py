# SPDX-License-Identifier: GPL-2.0-or-later
"""What `dnf status` says: to people line by line, and to programs as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from ostree_layer import diff, etc_words, tree_words
from ostree_layer.advisories import SEVERITIES
from ostree_layer.fields import field, listed, moment
from ostree_layer.status_model import AutomaticStatus, DeploymentStatus, LiveStatus, SignatureStatus, Status
from ostree_layer.updates import NONE, Available

LINES = 12
ETC_LINES = 6


def render(found: Status) -> Iterator[str]:
    """The lines of `dnf status`."""
    before = [*(f"Warning: {warning}" for warning in found.warnings), *_automatic(found.automatic)]
    yield from before
    for number, deployment in enumerate(found.deployments):
        if number or before:
            yield ""
        yield from _render_one(deployment)


def _automatic(status: AutomaticStatus) -> Iterator[str]:
    run = status.last_run
    if status.policy != NONE:
        last = f"; last run {moment(run.time)}: {'failed: ' if run.failed else ''}{run.ended}" if run else ""
        yield field("AutomaticUpdates", f"{status.policy}{last}")
    yield from available(status.available) if status.available else ()


def available(found: Available) -> Iterator[str]:
    """What there is to upgrade to."""
    words = filter(None, [found.refspec, found.version, f"commit {found.checksum[:12]} of {moment(found.timestamp)}"])
    yield field("Available", "  ".join(words) if found.checksum else "newer packages")
    counts = ", ".join(f"{len(changes)} {kind}" for kind, changes in found.changes.items() if changes)
    severe = ", ".join(f"{found.advisories[word]} {word}" for word in reversed(SEVERITIES) if word in found.advisories)
    for name, value in (("Packages", counts), ("Advisories", severe)):
        if value:
            yield field(name, value)


def _render_one(deployment: DeploymentStatus) -> Iterator[str]:
    mark = "●" if deployment.booted else " "
    notes = [word for word in ("booted", "staged", "pinned", "unlocked") if getattr(deployment, word)]
    title = deployment.refspec or "local tree"
    yield f"{mark} {deployment.index} {deployment.stateroot} {title}" + (f" ({', '.join(notes)})" if notes else "")
    for name, value in _fields(deployment):
        if value:
            yield field(name, value)
    yield from listed("Signatures", _signatures(deployment.signatures))
    yield from tree_words.certifications(deployment.signatures.certifications)
    yield from listed("Changes", _shortened(diff.render(deployment.changes), LINES))
    yield from _render_etc(deployment)


def _signatures(status: SignatureStatus) -> Iterator[str]:
    yield from map(tree_words.signature, status.found)
    if status.unread:
        yield f"not read: {status.unread}"
    elif status.demanded and not status.found:
        yield "none, and its remote demands them"


def _render_etc(deployment: DeploymentStatus) -> Iterator[str]:
    found = deployment.etc
    if deployment.merge:
        yield from listed("Local in /etc", _shortened(etc_words.render_local(found.local), ETC_LINES + 1))
    yield from listed("Stopped by /etc", _shortened(etc_words.render_obstacles(found.obstacles), LINES))
    yield from listed("Conflicts in /etc", _shortened(etc_words.render_conflicts(found.conflicts), LINES))
    if found.conflicts:
        yield from listed("New defaults", [found.defaults])
        yield from listed("Compare by", filter(None, [etc_words.render_comparison(found)]))


def _shortened(found: Iterable[str], limit: int) -> list[str]:
    lines = list(found)
    more = len(lines) - limit
    return lines if more <= 0 else [*lines[:limit], f"and {more} more (all of them: --json)"]


def _fields(deployment: DeploymentStatus) -> Iterator[tuple[str, str]]:
    requests = deployment.requests
    yield "Label", deployment.label
    yield "Version", f"{deployment.version or '(none)'} ({moment(deployment.timestamp)})"
    yield "Commit", f"{deployment.checksum}.{deployment.serial}"
    yield "Base", deployment.base + (f" ({deployment.base_version})" if deployment.base_version else "")
    yield "Pinned to commit", deployment.pinned_to
    yield "Followed ref", deployment.followed
    yield "Made by", deployment.command
    yield "Layered packages", " ".join(requests.packages)
    yield "Groups", " ".join(requests.groups)
    yield "Modules", " ".join(requests.modules)
    yield "Local packages", " ".join(entry.partition(":")[2] for entry in requests.local)
    yield "Removed from base", " ".join(requests.removed)
    yield "Replaced in base", " ".join(requests.replaced)
    yield "Inactive requests", " ".join(map(_asked, requests.inactive))
    yield "Parked requests", " ".join(map(_asked, requests.parked))
    yield "Unlocked", deployment.unlocked
    yield "Applied live", _live(deployment.live) if deployment.live else ""


def _live(found: LiveStatus) -> str:
    left = f", but for {' '.join(found.left)}" if found.left else ""
    return found.checksum + (f" ({found.version})" if found.version else "") + left


def _asked(request: str) -> str:
    """A request that is kept as FIELD:VALUE, as a user would say it."""
    kind, _, value = request.partition(":")
    words = {"groups": f"@{value}", "removed": f"-{value}", "local": value.partition(":")[2]}
    return words.get(kind, value)


def as_json(found: Status) -> dict[str, Any]:
    """`dnf status --json`: the fields of DeploymentStatus under their own names, packages as NEVRAs.

    docs/status.schema.json says what is there.
    """
    deployments = list(map(_one_as_json, found.deployments))
    automatic = _automatic_as_json(found.automatic)
    return {**tree_words.document("deployments", deployments), "warnings": list(found.warnings), "automatic": automatic}


def _automatic_as_json(status: AutomaticStatus) -> dict[str, Any]:
    """Of the last run no more than its end: what is available of that is beside it."""
    run = status.last_run
    last = {"time": run.time, "policy": run.policy, "ended": run.ended, "failed": run.failed} if run else None
    return {**dataclasses.asdict(status), "last_run": last}


def _one_as_json(deployment: DeploymentStatus) -> dict[str, Any]:
    return {
        **dataclasses.asdict(deployment),
        "id": f"{deployment.stateroot}-{deployment.checksum}.{deployment.serial}",
        "changes": diff.as_json(deployment.changes),
    }
