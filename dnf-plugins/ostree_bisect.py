# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF plugin: the search for the commit that a fault came with, on an OSTree host."""

import functools
import json
import pathlib

import dnf
import dnf.exceptions
import dnf.i18n

from .ostree_command import HostCommand, register
from .ostree_finish import deploy
from .ostree_guards import harmless
from .ostree_switch import add_certified_by, terms_of

_, P_ = dnf.i18n.translation("ostree-layer")
# What each verb is followed by: at least and at most so many words.
WORDS = {"start": (2, 2), "good": (0, None), "bad": (0, None), "skip": (0, None), "reset": (0, 0), "log": (0, 0)}
USAGE = {
    "start": _("GOOD BAD"),
    "good": _("[COMMIT ...]"),
    "bad": _("[COMMIT ...]"),
    "skip": _("[COMMIT ...]"),
    "reset": "",
    "log": "",
    "run": _("[GOOD BAD] -- CMD"),
}


class BisectCommand(HostCommand):
    aliases = ("bisect",)
    summary = _("find the commit of an OSTree host's tree that a fault came with")
    step = None

    @staticmethod
    def set_argparser(parser):
        text = _("start GOOD BAD, good, bad, skip: say what is known, and go to the commit that is to be tried next;")
        text += _(" run -- CMD: try all without a reboot, by a command; log: show it; reset: end it, and go back")
        parser.add_argument("verb", choices=tuple(USAGE), help=text)
        text = _("a commit by its checksum, version, date (YYYY-MM-DD), or a deployment of it by index or label")
        parser.add_argument("words", nargs="*", metavar="COMMIT", help=text)
        text = _("with start and run: a commit that cannot be tried; can be repeated")
        parser.add_argument("--skip", action="append", default=[], metavar="COMMIT", help=text)
        text = _("with start, good, bad and skip: a request that is not wanted any more; can be repeated")
        parser.add_argument("--forget", action="append", default=[], metavar="REQUEST", help=text)
        parser.add_argument("--vm", action="store_true", help=_("with run: boot each in a virtual machine"))
        parser.add_argument("--json", action="store_true", help=_("with log: write JSON"))
        add_certified_by(parser)

    @property
    def is_about_deployments(self):
        return self.opts.verb in ("reset", "log", "run")

    @property
    def cmd(self):
        """What is after `--`."""
        words = list(self.base.args)
        return words[words.index("--") + 1 :] if self.opts.verb == "run" and "--" in words else []

    @property
    def named(self):
        words = self.opts.words
        return tuple(words[: len(words) - len(self.cmd)])

    def wish(self, settings):
        """What is wanted, for the plugin `ostree`."""
        from ostree_layer.bisection import steps

        self.require_sense()
        named, opts = (*self.named, *self.opts.skip), self.opts
        self.step = steps.Step(opts.verb, named, terms_of(self, settings), forgotten=tuple(opts.forget))
        return self.step

    def configure(self):
        self.require_sense()
        demands = self.cli.demands
        demands.root_user = self.opts.verb != "log"
        if self.step is not None and self.step.goes:
            demands.available_repos = demands.sack_activation = demands.resolving = True

    def require_sense(self):
        opts, count = self.opts, len(self.named)
        if opts.preview or opts.check:
            raise dnf.exceptions.Error(_("'dnf bisect' knows no preview; --assumeno shows what it does"))
        least, most = WORDS.get(opts.verb, (0, 2))
        fits = count >= least and (most is None or count <= most)
        if opts.verb == "run":
            fits = bool(self.cmd) and count in (0, 2)
        if not fits:
            usage = " ".join(filter(None, ["dnf bisect", opts.verb, USAGE[opts.verb]]))
            raise dnf.exceptions.Error(_("the words do not fit: '{}'").format(usage))

    def run(self):
        if self.step is None:
            super().run()
        elif not self.step.goes:
            self.end_step()

    def finish(self, plugin, made_by):
        """The next candidate is made in the staged root; deploy it."""
        from ostree_layer import terminal

        tree = harmless(plugin.layering.write)(made_by, terminal.progress)
        if tree is not None:
            deploy(plugin, tree, made_by.command)
        self.end_step()

    def end_step(self):
        self.step.save()
        print("\n".join(self.step.lines))

    def act(self, target):
        {"log": self.log, "reset": self.reset, "run": self.test}[self.opts.verb](target)

    def log(self, target):
        from ostree_layer import sysroot
        from ostree_layer.bisection import state, words

        found = state.require(sysroot.work_folder(sysroot.open_sysroot(target)))
        print(json.dumps(words.as_json(found), indent=2) if self.opts.json else "\n".join(words.log(found)))

    def reset(self, target):
        from ostree_layer import deployment_words, terminal
        from ostree_layer.bisection import steps

        with steps.resetting(target) as ending:
            if ending.plan is not None:
                print("\n".join(deployment_words.plan(ending.plan)))
                self.confirm()
            done = ending.carry_out(self.settings)
            print("\n".join([*([terminal.rolled_back(done)] if done else []), *ending.lines]))

    def test(self, target):
        """`run`, which is DNF's name for something else."""
        from ostree_layer import terminal
        from ostree_layer.bisection import running, testing

        means = running.Means(terms_of(self, self.settings), terminal.pulling, functools.partial(print, flush=True))
        with running.opened(target, self.settings) as locked:
            if self.opts.vm:
                tester = testing.in_machine(locked, self.cmd, terminal.progress, means.say)
            else:
                tester = testing.Softly(locked, self.cmd, pathlib.Path.cwd())
            runner = running.Runner(target, locked, means, tester, self.cmd)
            runner.run((*self.named, *self.opts.skip) if self.named else ())


class OstreeBisectPlugin(dnf.Plugin):
    name = "ostree-bisect"
    config_name = "ostree"

    def __init__(self, base, cli):
        super().__init__(base, cli)
        register(self, (BisectCommand,))
