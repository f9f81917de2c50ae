# SPDX-License-Identifier: GPL-2.0-or-later
"""The features on soft-booted hosts, each as one test."""

from __future__ import annotations

import pytest

from tests import behaving
from tests.behaving import FOLDER, IN_MACHINES

FEATURES = sorted(path.name for path in FOLDER.glob("*.feature") if path.stem != IN_MACHINES)


@pytest.mark.parametrize("feature", FEATURES)
def test_feature(feature: str) -> None:
    behaving.run(feature)
