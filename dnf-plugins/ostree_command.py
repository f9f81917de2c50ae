# SPDX-License-Identifier: GPL-2.0-or-later
"""What the commands about deployments have in common; no plugin by itself, but DNF loads what is beside plugins."""

import logging
import os

import dnf
import dnf.cli
import dnf.exceptions
import dnf.i18n

from . import ostree_reboot

_, P_ = dnf.i18n.translation("ostree-layer")
logger = logging.getLogger("dnf.plugin")


class Declined(Exception):
    """The user does not want it."""


class HostCommand(dnf.cli.Command):
    """A command that needs to know which sysroot it acts on, and none of DNF's packages."""

    is_about_deployments = True
    can_reboot = has_deployed = False
    plugin = None

    def pre_configure(self):
        if ostree_reboot.wanted(self.opts) and not self.can_reboot:
            option = ostree_reboot.wanted(self.opts)
            raise dnf.exceptions.Error(_("'dnf {}' makes nothing to boot: {} is not for it").format(self.name, option))
        if getattr(self.opts, "json", False):
            # What DNF has to say besides must not end up in the JSON.
            self.cli.redirect_logger(stdout=logging.WARNING, stderr=logging.INFO)

    def run(self):
        # A plugin that cannot be imported is a plugin that is not there: the library is imported when it is needed.
        from ostree_layer import errors, host, settings

        try:
            self.settings = settings.parse(self.plugin.read_config(self.base.conf))
            target = host.find_target(self.settings, os.environ)
            if target is None:
                hint = _("OSTREE_SYSROOT or sysroot= in ostree.conf names one that is not booted")
                raise errors.HostError(_("this machine is not an OSTree host"), hint=hint)
            self.act(target)
            if self.has_deployed:
                ostree_reboot.begin(self.opts, target)
        except errors.OstreeLayerError as e:
            raise dnf.exceptions.Error(e.sentence()) from e
        except Declined:
            logger.error(_("Operation aborted."))
            self.cli.demands.success_exit_status = 1

    @property
    def name(self):
        return self.aliases[0]

    def act(self, target):
        raise NotImplementedError

    def confirm(self):
        """Ask as DNF does before a transaction."""
        conf = self.base.conf
        if not conf.assumeyes and (conf.assumeno or not self.base.output.userconfirm()):
            raise Declined


class ChangingCommand(HostCommand):
    """One that changes something."""

    knows_preview = False

    def configure(self):
        if not self.knows_preview and (getattr(self.opts, "preview", False) or getattr(self.opts, "check", False)):
            raise dnf.exceptions.Error(_("'dnf {}' knows no preview; --assumeno shows what it does").format(self.name))
        self.cli.demands.root_user = True


def require_host(opts):
    """Let a command that works by the plugin `ostree` do nothing on any other machine: its options are only there."""
    if not hasattr(opts, "from_booted"):
        raise dnf.exceptions.Error(_("This machine is not an OSTree host."))


def terms_of(command, settings):
    """What a tree that the user names has to be, for the library."""
    from ostree_layer import destination, network

    opts, way = command.opts, network.of(command.base.conf)
    keys = (*getattr(opts, "certified_by", ()), *settings.certified_by)
    return destination.Terms(keys, opts.allow_downgrade, bool(opts.cacheonly), way)


def add_certified_by(parser):
    text = _("the id of a GPG key that must have signed or certified the commit; can be repeated")
    parser.add_argument("--certified-by", action="append", default=[], metavar="KEYID", help=text)


def register(plugin, commands):
    """Add a plugin's commands to DNF's; a name that somebody else has taken would break every dnf command."""
    for command in commands if plugin.cli is not None else ():
        command.plugin = plugin
        if command.aliases[0] not in plugin.cli.cli_commands:
            plugin.cli.register_command(command)
