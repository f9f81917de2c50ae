# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF plugin: what an OSTree host is."""

import json

import dnf
import dnf.i18n

from .ostree_command import HostCommand, register

_, P_ = dnf.i18n.translation("ostree-layer")


class StatusCommand(HostCommand):
    aliases = ("status",)
    summary = _("show the deployments of an OSTree host")

    @staticmethod
    def set_argparser(parser):
        parser.add_argument("--json", action="store_true", help=_("write JSON"))

    def act(self, target):
        from ostree_layer import status, sysroot

        deployments = status.read(sysroot.open_sysroot(target))
        if self.opts.json:
            print(json.dumps(status.as_json(deployments), indent=2))
        else:
            print("\n".join(status.render(deployments)))


class OstreeHostPlugin(dnf.Plugin):
    name = "ostree-host"
    config_name = "ostree"

    def __init__(self, base, cli):
        super().__init__(base, cli)
        register(self, (StatusCommand,))
