# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF plugin: the commands about the deployments of an OSTree host."""

import json
import logging
import os

import dnf
import dnf.cli
import dnf.exceptions
import dnf.i18n

_, P_ = dnf.i18n.translation("ostree-layer")


class HostCommand(dnf.cli.Command):
    """A command that needs to know which sysroot it acts on, and none of DNF's packages."""

    is_about_deployments = True

    def run(self):
        # A plugin that cannot be imported is a plugin that is not there: the library is imported when it is needed.
        from ostree_layer import errors, host, settings

        try:
            options = settings.parse(OstreeHostPlugin.read_config(self.base.conf))
            target = host.find_target(options, os.environ)
            if target is None:
                hint = _("OSTREE_SYSROOT or sysroot= in ostree.conf names one that is not booted")
                raise errors.HostError(_("this machine is not an OSTree host"), hint=hint)
            self.act(target)
        except errors.OstreeLayerError as e:
            raise dnf.exceptions.Error(e.sentence()) from e

    def act(self, target):
        raise NotImplementedError


class StatusCommand(HostCommand):
    aliases = ("status",)
    summary = _("show the deployments of an OSTree host")

    @staticmethod
    def set_argparser(parser):
        parser.add_argument("--json", action="store_true", help=_("write JSON"))
        text = _("exit with status 77 if another deployment than the booted one boots next")
        parser.add_argument("--pending-exit-77", action="store_true", help=text)

    def pre_configure(self):
        if self.opts.json:
            # What DNF has to say besides must not end up in the JSON.
            self.cli.redirect_logger(stdout=logging.WARNING, stderr=logging.INFO)

    def act(self, target):
        from ostree_layer import status, status_words, sysroot

        found = status.read(sysroot.open_sysroot(target))
        if self.opts.json:
            print(json.dumps(status_words.as_json(found), indent=2))
        else:
            print("\n".join(status_words.render(found)))
        if self.opts.pending_exit_77 and found.is_pending:
            self.cli.demands.success_exit_status = 77


class RollbackCommand(HostCommand):
    aliases = ("rollback",)
    summary = _("boot the previous deployment of an OSTree host next")

    def configure(self):
        self.cli.demands.root_user = True

    def act(self, target):
        from ostree_layer import switching, terminal

        print(terminal.rolled_back(switching.roll_back(target)))


class OstreeHostPlugin(dnf.Plugin):
    name = "ostree-host"
    config_name = "ostree"

    def __init__(self, base, cli):
        super().__init__(base, cli)
        for command in (StatusCommand, RollbackCommand):
            # A name that somebody else has taken would break every dnf command.
            if cli is not None and command.aliases[0] not in cli.cli_commands:
                cli.register_command(command)
