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
        text = _("exit with status 77 if another deployment than the booted one boots next")
        parser.add_argument("--pending-exit-77", action="store_true", help=text)

    def act(self, target):
        from ostree_layer import status, status_words, sysroot

        found = status.read(sysroot.open_sysroot(target), self.settings)
        if self.opts.json:
            print(json.dumps(status_words.as_json(found), indent=2))
        else:
            print("\n".join(status_words.render(found)))
        if self.opts.pending_exit_77 and found.is_pending:
            self.cli.demands.success_exit_status = 77


class OstreeHostPlugin(dnf.Plugin):
    name = "ostree-host"
    config_name = "ostree"

    def __init__(self, base, cli):
        super().__init__(base, cli)
        register(self, (StatusCommand,))
