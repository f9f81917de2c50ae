# SPDX-License-Identifier: GPL-2.0-or-later
"""The house: a module only from floors below its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "ostree_layer"
FLOORS = (
    "account_files bisection bisection.search by_hand_model compose.versions contexts dirtree errors evr"
    " failpoint fields files host_options hosting hosting.reports http_heads layout.os_release layout.selinux"
    " model modes mountinfo objects oci oci.form ownership report rpm_model running_code signals staged_root"
    " treefile.merging vm vm.supplement",
    "advisories bisection.state bisection.verdicts by_hand_words caller compose.lockfile compose.repositories"
    " compose_options contents database diff etc_model forwarding fsck host hosting.results hosting.serving labels"
    " layout.ids layout.record live_model loopback metadata mounts network oci.importing oci.layout oci.reference"
    " ostree_gi privileges process repo requests rpm_ostree rpmdb solver sysusers tmpfiles tree_model"
    " treefile.kinds treefile.text upper vm.emulator vm.monitor vm.probe window",
    "beside cage checkout clone commit compose.composed dnf_base downloads etc etc_words graft"
    " hosting.smoketest_report hosting.store hosting.upstream keyring layout.accounts layout.initramfs"
    " layout.machine layout.paths layout.places layout.reproducible layout.rpm_home layout.skeleton layout.var"
    " lean live_state live_words local_history local_rpms looks misfits move_words notices oci.chunks oci.derived"
    " oci.records oci.skopeo origin relabel replay signatures sysroot systemctl tree_words treefile.files"
    " treefile.keys treefile.kickstart treefile.kickstart_file treefile.rules treefile.source treefile.variables"
    " updates vm.machine vm.scratch",
    "answer bisection.words boot caged_rpm certification choice comparison compose.customs compose.ids"
    " compose.inputs compose.layers compose.recipe compose.selection deploy etc_defaults finalization folders"
    " hosting.deltas hosting.hosting_words hosting.keys hosting.means hosting.promotion hosting.smoketest_page"
    " hosting.smoketest_words hosting.summary imports interop journal layout layout.kernel ledger live_layer"
    " live_policy live_unit looking oci.images oci.layers packaged place pull rebooting retention settings"
    " settling staging status_model terminal treefile treefile.rendering trees trial_run unlocked var_data"
    " vm.trial",
    "activation automatic bisection.candidates bisection.culprit bisection.results by_hand cleaner compose.export"
    " compose.family compose.order compose.record compose.workshop destination details history hosting.act"
    " hosting.certifying hosting.mirror hosting.pruning hosting.publishing hosting.pushing hosting.smoketests"
    " hosting.soundness live move oci.encapsulation pins remotes seal softboot stateroots status status_words"
    " switching tidying trial_root trunk vm.disk workpiece",
    "bisection.running bisection.steps bisection.testing compose compose.planning compose.report deployment_words"
    " hosting.certify_act hosting.delta_act hosting.host_act hosting.mirror_act hosting.prune_act"
    " hosting.publish_act hosting.remote_act hosting.repair_act hosting.serve_act hosting.sign_act"
    " hosting.smoketest_act journey layering live_act live_end rebase system_commit system_commit_words taking"
    " tree_acts trying",
)
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names.split()}
# libostree is wrapped on the floor where it is used, too.
SHARED = "ostree_gi"


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).replace(".__init__", "")


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ostree_layer":
            below = (node.module or "").partition(".")[2]
            for alias in node.names:
                whole = f"{below}.{alias.name}".strip(".")
                yield whole if whole in MODULES else below


def test_every_module_has_a_floor() -> None:
    assert set(MODULES) == set(FLOOR)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_point_down(name: str) -> None:
    upward = {other for other in imported(MODULES[name]) if FLOOR[other] >= FLOOR[name] and other != SHARED}
    assert upward == set()


@pytest.mark.parametrize("path", sorted((PACKAGE.parent / "dnf-plugins").glob("*.py")), ids=lambda path: path.name)
def test_plugins_import_only_dnf_and_the_standard_library_at_the_top(path: Path) -> None:
    top = [node for node in ast.parse(path.read_text()).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {alias.name if isinstance(node, ast.Import) else node.module for node in top for alias in node.names}
    assert not [name for name in names if str(name).split(".")[0] in ("ostree_layer", "gi", "yaml")]
