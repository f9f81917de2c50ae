# SPDX-License-Identifier: GPL-2.0-or-later
"""The summary: what a store says that it has, replaced together with its signature.

A client reads `summary.sig` and then `summary`. libostree writes the latter first, and removes the former meanwhile; a
signature of two summaries is none to gpg, which stops at the one that does not fit. So libostree works beside the
store, on links, and both files are links through one other link, which changes at once:

    summary -> announcements/current/summary, summary.sig -> announcements/current/summary.sig, current -> NUMBER
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ostree_layer import files, modes, repo, signatures
from ostree_layer.errors import RepoError
from ostree_layer.failpoint import failpoint
from ostree_layer.hosting.store import PUBLIC_KEY, Store
from ostree_layer.ostree_gi import GLib, OSTree, translated

NAMES = SUMMARY, SIGNATURES = "summary", "summary.sig"
TYPE = GLib.VariantType("(a(s(taya{sv}))a{sv})")
# It differs though nothing else does.
MODIFIED = "ostree.summary.last-modified"
ANNOUNCEMENTS, CURRENT = "announcements", "current"
FOLDERS = ("objects", "refs", "deltas", "delta-indexes", "state")


def refresh(store: Store) -> bool:
    """Let the summary say what the store has now; return whether it had to be written. The store is locked."""
    with _beside(store) as folder, translated(f"writing the summary of {store.path}", RepoError):
        made = repo.open_repo(folder)
        made.regenerate_summary(None, None)
        if _meaning(folder / SUMMARY) == _meaning(store.path / SUMMARY) and is_signed(store):
            return False
        _replace(store, made, folder)
    return True


def is_signed(store: Store) -> bool:
    """Whether the summary has a good signature by each key of the store, and none that is nobody's."""
    signed, wanted = store.path / SIGNATURES, set(store.signing.keys)
    if not signed.exists() or not wanted:
        return signed.exists() == bool(wanted)
    return wanted <= signatures.good_keys(
        store.repo, (store.path / SUMMARY).read_bytes(), signed.read_bytes(), store.path / PUBLIC_KEY
    )


@contextlib.contextmanager
def _beside(store: Store) -> Iterator[Path]:
    """A repository in a folder that is gone after the body: the store itself, but for a summary of its own."""
    with store.workspace("summary-") as folder, modes.usual():
        folder.joinpath("config").symlink_to(store.path.resolve() / "config")
        for name in FOLDERS:
            (store.path / name).mkdir(exist_ok=True)
            folder.joinpath(name).symlink_to(store.path.resolve() / name)
        (folder / "tmp").mkdir()
        yield folder


def _meaning(path: Path) -> Any:
    """What a summary says, but for when it was written; None where there is none."""
    if not path.exists():
        return None
    refs, values = GLib.Variant.new_from_bytes(TYPE, GLib.Bytes.new(path.read_bytes()), False).unpack()
    return refs, {key: value for key, value in values.items() if key != MODIFIED}


def _replace(store: Store, made: OSTree.Repo, folder: Path) -> None:
    signing, place = store.signing, store.path / ANNOUNCEMENTS
    if signing:
        made.add_gpg_signature_summary(list(signing.keys), signing.home or None, None)
    place.mkdir(exist_ok=True)
    if not all((store.path / name).is_symlink() for name in NAMES):
        _begin(store, place)
    new = _announce(place, [folder / name for name in NAMES if (folder / name).exists()])
    failpoint("summary::written")
    files.link(place / CURRENT, new.name)
    failpoint("summary::replaced")
    _forget(place, new)


def _begin(store: Store, place: Path) -> None:
    """Put the files that libostree has written, if it has, behind links; at each moment they say the same."""
    present = [store.path / name for name in NAMES if (store.path / name).is_file()]
    files.link(place / CURRENT, _announce(place, present).name)
    for name in NAMES:
        files.link(store.path / name, f"{ANNOUNCEMENTS}/{CURRENT}/{name}")


def _announce(place: Path, sources: Iterable[Path]) -> Path:
    """A folder with copies of the files, later than all before by a second: web servers tell changes by that."""
    former = max((path.stat().st_mtime for path in place.glob(f"*/{SUMMARY}")), default=0.0)
    numbers = [int(path.name) for path in place.iterdir() if path.name.isdigit()]
    made = place / str(max(numbers, default=0) + 1)
    made.mkdir()
    for source in sources:
        files.replace(made / source.name, source.read_bytes(), not_before=former + 1)
    files.sync_folder(place)
    return made


def _forget(place: Path, current: Path) -> None:
    """Remove what was announced before; but the last one may just be looked at."""
    for path in place.iterdir():
        if path.name.isdigit() and int(path.name) < int(current.name) - 1:
            shutil.rmtree(path)
