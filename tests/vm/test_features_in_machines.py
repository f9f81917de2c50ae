# SPDX-License-Identifier: GPL-2.0-or-later
"""The prototypes again, live application, and what only a machine can show, on hosts that really boot."""

from __future__ import annotations

import pytest

from tests import behaving
from tests.behaving import FOLDER, IN_MACHINES
from tests.lab import site

FEATURES = sorted(
    path.name for pattern in ("prototype-*", "live", IN_MACHINES) for path in FOLDER.glob(f"{pattern}.feature")
)


@pytest.mark.parametrize("feature", FEATURES)
def test_in_a_machine(feature: str) -> None:
    behaving.run(feature, **{site.IN_MACHINES: "1"})
