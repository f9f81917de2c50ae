# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF plugin: the command that brings a deployment into the running OSTree host."""

import dnf
import dnf.i18n

from .ostree_command import ChangingCommand, register

_, P_ = dnf.i18n.translation("ostree-layer")


class ApplyLiveCommand(ChangingCommand):
    aliases = ("apply-live",)
    summary = _("let an OSTree host run what boots next, without a reboot")

    @staticmethod
    def set_argparser(parser):
        text = _("let it run the booted deployment again, exactly as it was")
        parser.add_argument("--reset", action="store_true", help=text)

    def act(self, target):
        from ostree_layer import live_act, live_words, sysroot, terminal

        with sysroot.changing(target):
            if self.opts.reset:
                print(live_words.reset(live_act.reset(target)))
            else:
                applied = live_act.apply(target, self.settings.not_live, terminal.progress)
                print("\n".join(live_words.applied(applied)))


class OstreeLivePlugin(dnf.Plugin):
    name = "ostree-live"
    config_name = "ostree"

    def __init__(self, base, cli):
        super().__init__(base, cli)
        register(self, (ApplyLiveCommand,))
