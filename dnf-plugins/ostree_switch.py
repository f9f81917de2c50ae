# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF plugin: the commands that take an OSTree host, with what the user asked for, to another tree."""

import dnf
import dnf.cli
import dnf.exceptions
import dnf.i18n

from .ostree_command import ChangingCommand, add_certified_by, register, require_host, terms_of

_, P_ = dnf.i18n.translation("ostree-layer")


class MoveCommand(dnf.cli.Command):
    """A command whose transaction is what was asked for before, on another tree; the plugin `ostree` does it."""

    @classmethod
    def set_argparser(cls, parser):
        parser.add_argument(
            "--forget",
            action="append",
            default=[],
            metavar="REQUEST",
            help=_("do not ask for this any more; can be repeated"),
        )

    def configure(self):
        demands = self.cli.demands
        demands.root_user = demands.available_repos = demands.sack_activation = demands.resolving = True
        require_host(self.opts)

    def run(self):
        """What there is to do, the plugin `ostree` does around this."""
        require_host(self.opts)

    def wish(self, settings):
        """What is wanted, for the library."""
        from ostree_layer import journey

        opts = self.opts
        into, name = getattr(opts, "stateroot", None) or "", getattr(opts, "name", None) or ""
        word = getattr(opts, "tree", "")
        terms = terms_of(self, settings)
        return journey.Wish(self.aliases[0], word, terms, opts.from_booted, into, name, tuple(opts.forget))


class SystemSwitchCommand(MoveCommand):
    aliases = ("system-switch",)
    summary = _("go to another tree, and ask for the same packages there")

    @classmethod
    def set_argparser(cls, parser):
        super().set_argparser(parser)
        parser.add_argument("tree", metavar="REFSPEC|IMAGE|COMMIT|:VERSION", help=_("the tree to go to"))
        add_certified_by(parser)
        parser.add_argument("--stateroot", metavar="NAME", help=_("deploy it into this stateroot"))
        parser.add_argument("--name", metavar="REF", help=_("let this ref lead to the new tree"))


class RebaseCommand(ChangingCommand):
    aliases = ("rebase",)
    knows_preview = can_reboot = True
    summary = _("go to another tree exactly as it was composed")

    @staticmethod
    def set_argparser(parser):
        parser.add_argument("tree", metavar="REFSPEC|IMAGE|COMMIT|:VERSION", help=_("the tree to go to"))
        add_certified_by(parser)
        parser.add_argument("--stateroot", metavar="NAME", help=_("deploy it into this stateroot"))

    def act(self, target):
        from ostree_layer import rebase, terminal

        opts = self.opts
        wish = rebase.Wish(opts.tree, terms_of(self, self.settings), opts.from_booted, opts.stateroot or "")
        with rebase.planned(target, wish, terminal.pulling) as plan:
            print("\n".join(plan.lines(in_full=opts.preview)))
            if not plan:
                print(_("Nothing to do: that is the tree that there is."))
                is_asked = opts.preview or opts.check or opts.unchanged_exit_77
                self.cli.demands.success_exit_status = 77 if is_asked else 0
                return
            if opts.preview or opts.check:
                print(_("Nothing was deployed: this was a preview."))
                return
            self.confirm()
            if self.base.conf.downloadonly or "test" in self.base.conf.tsflags:
                print(_("The tree is here now; nothing was deployed."))
                return
            deployed = plan.carry_out(self.settings, " ".join(["dnf", *self.base.args]), terminal.progress)
            print("\n".join(terminal.installed(deployed)))
            self.has_deployed = True


class DeployCommand(MoveCommand):
    aliases = ("deploy",)
    summary = _("go to another commit of the tree, until the next upgrade")

    @classmethod
    def set_argparser(cls, parser):
        super().set_argparser(parser)
        parser.add_argument("tree", metavar="VERSION|COMMIT", help=_("what to go to"))
        add_certified_by(parser)


class RecomposeCommand(MoveCommand):
    aliases = ("recompose",)
    summary = _("make the tree again, from its base and what was asked for")


class SystemImportCommand(MoveCommand):
    aliases = ("system-import",)
    summary = _("take over what rpm-ostree has layered")


class OstreeSwitchPlugin(dnf.Plugin):
    name = "ostree-switch"
    config_name = "ostree"

    def __init__(self, base, cli):
        super().__init__(base, cli)
        register(self, (RebaseCommand, SystemSwitchCommand, DeployCommand, RecomposeCommand, SystemImportCommand))
