# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF plugin: the commands that choose, keep and drop deployments of an OSTree host."""

import argparse
import json

import dnf
import dnf.cli.commands.clean
import dnf.exceptions
import dnf.i18n

from .ostree_command import ChangingCommand, HostCommand, register

_, P_ = dnf.i18n.translation("ostree-layer")
ONE = _("the index of a deployment, as 'dnf status' has them from 0 on, or its label")


def boot_next(command, planned):
    """Show what another deployment means, ask, and let it boot next."""
    from ostree_layer import deployment_words, terminal

    with planned as plan:
        print("\n".join(deployment_words.plan(plan)))
        command.confirm()
        result = plan.carry_out(command.settings)
        print(terminal.rolled_back(result))
    command.has_deployed = not result.is_booted


class RollbackCommand(ChangingCommand):
    aliases = ("rollback",)
    can_reboot = True
    summary = _("boot another deployment of an OSTree host next")

    @staticmethod
    def set_argparser(parser):
        parser.add_argument("deployment", nargs="?", metavar="N", help=ONE)

    def act(self, target):
        from ostree_layer import switching

        boot_next(self, switching.rollback(target, self.opts.deployment))


class PinCommand(ChangingCommand):
    aliases = ("pin",)
    summary = _("keep deployments of an OSTree host")

    @staticmethod
    def set_argparser(parser):
        parser.add_argument("deployments", nargs="*", metavar="N", help=ONE + _("; without it the booted one"))

    def act(self, target):
        from ostree_layer import pins

        print("\n".join(pins.pin(target, self.opts.deployments)))


class UnpinCommand(ChangingCommand):
    aliases = ("unpin",)
    summary = _("no longer keep deployments of an OSTree host")

    @staticmethod
    def set_argparser(parser):
        parser.add_argument("deployments", nargs="+", metavar="N", help=ONE)

    def act(self, target):
        from ostree_layer import pins

        print("\n".join(pins.unpin(target, self.opts.deployments)))


class LabelCommand(ChangingCommand):
    aliases = ("label",)
    summary = _("give a deployment of an OSTree host a name")

    @staticmethod
    def set_argparser(parser):
        parser.add_argument("deployment", metavar="N", help=ONE)
        parser.add_argument("text", metavar="TEXT", help=_("the label; an empty one takes it away"))

    def act(self, target):
        from ostree_layer import pins

        print(pins.label(target, self.opts.deployment, self.opts.text))


class CleanupCommand(ChangingCommand):
    aliases = ("cleanup",)
    summary = _("drop deployments, kept trees and metadata of an OSTree host")

    @staticmethod
    def set_argparser(parser):
        text = _("pending: deployments before the booted one; rollback: those after it; history: older trees that are")
        parser.add_argument("what", nargs="*", help=text + _(" kept; metadata: what 'dnf clean metadata' removes"))

    def act(self, target):
        from ostree_layer import deployment_words, tidying

        words = tidying.require_words(self.opts.what)
        if words != {tidying.METADATA}:
            with tidying.cleanup(target, words) as plan:
                print("\n".join(deployment_words.cleanup(plan)))
                if plan:
                    self.confirm()
                    plan.carry_out(self.settings)
                    print("\n".join(deployment_words.cleaned(plan)))
        if tidying.METADATA in words:
            clean = dnf.cli.commands.clean.CleanCommand(self.cli)
            clean.opts = argparse.Namespace(type=["metadata"])
            clean.run()


class StaterootCommand(HostCommand):
    aliases = ("stateroot",)
    summary = _("manage the stateroots of an OSTree host")

    @staticmethod
    def set_argparser(parser):
        text = _(
            "list: show them all; create: make one, with a /var of its own; switch: boot its newest deployment next;"
        )
        text += _(" remove: drop its deployments, its /etc and its /var")
        parser.add_argument("act_name", choices=("list", "create", "switch", "remove"), help=text)
        parser.add_argument("name", nargs="?", metavar="NAME", help=_("the stateroot; not for list"))
        parser.add_argument("--json", action="store_true", help=_("with list: write JSON"))

    def configure(self):
        name = self.opts.act_name
        if (self.opts.name is None) != (name == "list"):
            needs = _("'dnf stateroot {}' needs no NAME") if name == "list" else _("'dnf stateroot {}' needs a NAME")
            raise dnf.exceptions.Error(needs.format(name))
        self.cli.demands.root_user = name != "list"

    def act(self, target):
        acts = {"list": self.list, "create": self.create, "switch": self.switch, "remove": self.remove}
        acts[self.opts.act_name](target)

    @property
    def can_reboot(self):
        return self.opts.act_name == "switch"

    def list(self, target):
        from ostree_layer import deployment_words, stateroots, sysroot

        found = stateroots.read(sysroot.open_sysroot(target))
        if self.opts.json:
            print(json.dumps(deployment_words.stateroots_as_json(found), indent=2))
        else:
            print("\n".join(deployment_words.stateroots(found)))

    def create(self, target):
        from ostree_layer import stateroots

        name = self.opts.name
        stateroots.create(target, name)
        print(_("The stateroot {} is there; 'dnf rebase --stateroot={}' deploys into it.").format(name, name))

    def switch(self, target):
        from ostree_layer import switching

        boot_next(self, switching.to_stateroot(target, self.opts.name))

    def remove(self, target):
        from ostree_layer import deployment_words, stateroots

        with stateroots.removal(target, self.opts.name) as plan:
            print("\n".join(deployment_words.removal(plan)))
            self.confirm()
            plan.carry_out(self.settings)
        print(_("The stateroot {} is gone.").format(self.opts.name))


class OstreeDeploymentsPlugin(dnf.Plugin):
    name = "ostree-deployments"
    config_name = "ostree"

    def __init__(self, base, cli):
        super().__init__(base, cli)
        commands = (RollbackCommand, PinCommand, UnpinCommand, LabelCommand, CleanupCommand, StaterootCommand)
        register(self, commands)
