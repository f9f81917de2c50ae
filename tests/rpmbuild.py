# SPDX-License-Identifier: GPL-2.0-or-later
"""rpmbuild on a filled buildroot, with nothing of this machine's own configuration in the result."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

MACROS = {
    "_build_id_links": "none",
    "debug_package": "%{nil}",
    "__os_install_post": "%{nil}",
    "__spec_install_post": "%{nil}",
    "use_source_date_epoch_as_buildtime": "1",
    "_buildhost": "lab",
    "_binaries_in_noarch_packages_terminate_build": "0",
    "_unpackaged_files_terminate_build": "0",
}


def build(work: Path, spec: str, root: Path, payload: str) -> Path:
    """Return the RPM that spec makes of root; it is somewhere below work."""
    path = work / "package.spec"
    path.write_text(spec)
    own = {
        "_topdir": work,
        "_rpmdir": work / "rpms",
        "_tmppath": work,
        "_dbpath": work / "db",
        "_binary_payload": payload,
    }
    defines = [f"--define={name} {value}" for name, value in {**MACROS, **own}.items()]
    argv = ["rpmbuild", "-bb", "--quiet", "--noclean", "--nodeps", f"--buildroot={root}", *defines, os.fspath(path)]
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": "1"}
    done = subprocess.run(argv, env=environment, capture_output=True, encoding="utf-8", errors="replace", check=False)
    assert done.returncode == 0, f"{spec.splitlines()[0]}: {done.stderr[-2000:]}"
    (made,) = work.glob("rpms/*/*.rpm")
    return made
