# SPDX-License-Identifier: GPL-2.0-or-later
"""What the user says of single deployments: pins, which keep them, and labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ostree_layer import choice, origin, retention, sysroot
from ostree_layer.errors import HostError
from ostree_layer.model import Target
from ostree_layer.ostree_gi import OSTree

LONGEST_LABEL = 64


def pin(target: Target, names: Sequence[str]) -> list[str]:
    """Pin the named deployments, or the booted one, or the next; return what to tell."""
    with sysroot.changing(target) as locked:
        chosen = _find(locked, target, names) or [sysroot.find_booted(locked) or locked.get_deployments()[0]]
        for deployment in chosen:
            if deployment.is_staged():
                message = f"deployment {choice.title(locked, deployment)} is staged, and cannot be pinned yet"
                raise HostError(message, hint="it can when it has been booted")
        return [_pin(locked, deployment) for deployment in chosen]


def _pin(locked: OSTree.Sysroot, deployment: OSTree.Deployment) -> str:
    title = choice.title(locked, deployment)
    if retention.is_pinned_by_user(deployment):
        return f"Deployment {title} is pinned already."
    retention.pin(locked, deployment)
    return f"Deployment {title} is pinned: it stays until 'dnf unpin'."


def unpin(target: Target, names: Sequence[str]) -> list[str]:
    """Unpin the named deployments; return what to tell."""
    with sysroot.changing(target) as locked:
        return [_unpin(locked, deployment) for deployment in _find(locked, target, names)]


def _unpin(locked: OSTree.Sysroot, deployment: OSTree.Deployment) -> str:
    title = choice.title(locked, deployment)
    if not retention.is_pinned_by_user(deployment):
        return f"Deployment {title} is not pinned."
    retention.unpin(locked, deployment)
    return f"Deployment {title} is no longer pinned."


def label(target: Target, name: str, text: str) -> str:
    """Give the named deployment a label, or with an empty text take it away; return what to tell."""
    with sysroot.changing(target) as locked:
        (deployment,) = _find(locked, target, [name])
        title, former = choice.title(locked, deployment), origin.label(deployment)
        if text:
            _require_label(text)
            _require_unique(locked, deployment, text)
        origin.write_own(locked, deployment, {origin.LABEL: text})
    if text:
        return f"Deployment {title} is called {text} now."
    return f"Deployment {title} has no label any more." if former else f"Deployment {title} has no label."


def _require_label(text: str) -> None:
    if text != text.strip() or not text.isprintable():
        raise HostError("a label is one line, without white space at its ends")
    if len(text) > LONGEST_LABEL:
        raise HostError(f"a label has no more than {LONGEST_LABEL} characters, and this one has {len(text)}")
    if choice.is_index(text):
        raise HostError(f"{text} cannot be a label: it is the index of a deployment")


def _require_unique(locked: OSTree.Sysroot, deployment: OSTree.Deployment, text: str) -> None:
    other = choice.labels(locked, deployment.get_osname()).get(text)
    if other is not None and not other.equal(deployment):
        raise HostError(f"deployment {choice.index_of(locked, other)} is called {text} already")


def _find(locked: OSTree.Sysroot, target: Target, names: Iterable[str]) -> list[OSTree.Deployment]:
    return [choice.find(locked, target.stateroot, name) for name in names]
