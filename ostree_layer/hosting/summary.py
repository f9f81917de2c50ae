# SPDX-License-Identifier: GPL-2.0-or-later
"""The summary: what a store says that it has, replaced together with its signature.

A client reads `summary.sig` and then `summary`. libostree writes the latter first, and removes the former meanwhile; a
signature of two summaries is none to gpg, which stops at the one that does not fit. So libostree works beside the
store, on links, and both files are links through one other link, which changes at once:

    summary -> announcements/current/summary, summary.sig -> announcements/current/summary.sig, current -> NUMBER
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ostree_layer import files, repo, signatures
from ostree_layer.errors import RepoError
from ostree_layer.failpoint import failpoint
from ostree_layer.hosting.store import PUBLIC_KEY, Store
from ostree_layer.ostree_gi import GLib, OSTree, translated

NAMES = SUMMARY, SIGNATURES = "summary", "summary.sig"
# It differs though nothing else does.
MODIFIED = "ostree.summary.last-modified"
ANNOUNCEMENTS, CURRENT = "announcements", "current"
INDEXES = "delta-indexes"
FOLDERS = ("objects", "refs", "deltas", INDEXES, "state")
WRITING = "writing the summary of {}"


def refresh(store: Store) -> bool:
    """Let the summary say what the store has now; return whether it had to be written. The store is locked."""
    if store.is_copy:
        return False
    with store.workspace("summary-") as folder, translated(WRITING.format(store.path), RepoError):
        for name in FOLDERS:
            (store.path / name).mkdir(exist_ok=True)
        made = _made(store, folder)
        is_needed = not (_says_the_same(store, folder) and is_signed(store))
        if is_needed:
            _replace(store, made, folder)
    return is_needed


def is_true(store: Store) -> bool:
    """Whether the summary says what the store has."""
    with tempfile.TemporaryDirectory(prefix="dnf-ostree-") as name, translated(WRITING.format(store.path), RepoError):
        # Nothing of the store is written: libostree would do so where there are deltas.
        Path(name, INDEXES).mkdir()
        _made(store, Path(name))
        return _says_the_same(store, Path(name))


def _says_the_same(store: Store, folder: Path) -> bool:
    return bool(_meaning(folder / SUMMARY) == _meaning(store.path / SUMMARY))


def is_signed(store: Store) -> bool:
    """Whether the summary has a good signature by each key of the store, and none that is nobody's."""
    signed, wanted = store.path / SIGNATURES, set(store.signing.keys)
    if not signed.exists() or not wanted:
        return signed.exists() == bool(wanted)
    return wanted <= signatures.good_keys(
        store.repo, (store.path / SUMMARY).read_bytes(), signed.read_bytes(), store.path / PUBLIC_KEY
    )


def _made(store: Store, folder: Path) -> OSTree.Repo:
    """Make a repository that is the store but for its summary, which is as it should be."""
    (folder / "tmp").mkdir()
    for name in ("config", *FOLDERS):
        if (store.path / name).exists() and not (folder / name).exists():
            (folder / name).symlink_to(store.path.resolve() / name)
    made = repo.open_repo(folder)
    made.regenerate_summary(None, None)
    return made


def _meaning(path: Path) -> Any:
    """What a summary says, but for when it was written; None where there is none."""
    if not path.exists():
        return None
    refs, values = GLib.Variant.new_from_bytes(repo.SUMMARY_TYPE, GLib.Bytes.new(path.read_bytes()), False).unpack()
    return refs, {key: value for key, value in values.items() if key != MODIFIED}


def _replace(store: Store, made: OSTree.Repo, folder: Path) -> None:
    signing = store.signing
    if signing:
        made.add_gpg_signature_summary(list(signing.keys), signing.home or None, None)
    announce(store, folder)


def announce(store: Store, folder: Path) -> None:
    """Let the summary in the folder, with its signature if there is one, be that of the store, unless it is already."""
    place = store.path / ANNOUNCEMENTS
    if all(_content(store.path / name) == _content(folder / name) for name in NAMES):
        return
    place.mkdir(exist_ok=True)
    if not all((store.path / name).is_symlink() for name in NAMES):
        _begin(store, place)
    new = _announce(place, [folder / name for name in NAMES if (folder / name).exists()])
    failpoint("summary::written")
    files.link(place / CURRENT, new.name)
    failpoint("summary::replaced")
    _forget(place, new)


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


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
