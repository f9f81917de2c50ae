# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF plugin: `dnf tree`, the command about trees that are composed, on any machine."""

import argparse
import contextlib
import functools
import json
import logging
import os
import pathlib
import sys

import dnf
import dnf.cli
import dnf.exceptions
import dnf.i18n
import dnf.util

_, P_ = dnf.i18n.translation("ostree-layer")
logger = logging.getLogger("dnf.plugin")


class Act:
    """One of the things that `dnf tree` does; `only_prints` is for one whose output others read."""

    summary = ""
    only_prints = True

    def __init__(self, command):
        self.command, self.base, self.opts = command, command.base, command.opts

    @staticmethod
    def set_argparser(parser):
        pass

    def run(self):
        raise NotImplementedError

    def require_repo(self):
        """The repository of trees that --repo names; the options of DNF have the same name for RPM repositories."""
        if len(self.command.repos) != 1:
            raise dnf.exceptions.Error(_("'dnf tree {}' needs --repo=DIR").format(self.opts.act))
        return pathlib.Path(self.command.repos[0])


class Compose(Act):
    summary = _("compose trees from treefiles and kickstarts, and publish them in a repository")
    only_prints = False

    @staticmethod
    def set_argparser(parser):
        from ostree_layer import compose_options

        compose_options.set_argparser(parser)

    def run(self):
        from ostree_layer import treefile

        where = None if self.opts.print else self.require_right_use()
        given = self.base.conf.substitutions["basearch"], self.opts.releasever or ""
        trees = [treefile.read(pathlib.Path(path), *given) for path in self.opts.treefiles]
        for sentence in (sentence for tree in trees for sentence in tree.ignored):
            logger.info(sentence)
        return self.print(trees) if where is None else self.compose(trees, where)

    def print(self, trees):
        from ostree_layer.treefile import rendering

        write = rendering.as_json if self.opts.json else rendering.as_yaml
        sys.stdout.write("".join(write(tree.values) for tree in trees))

    def require_right_use(self):
        """The repository to compose for, if this can be done at all."""
        from ostree_layer import compose_options

        if not dnf.util.am_i_root():
            raise dnf.exceptions.Error(_("only root can compose trees"))
        compose_options.require_sense(self.opts)
        return self.require_repo()

    def compose(self, trees, where):
        from ostree_layer import dnf_base, signals, terminal
        from ostree_layer.compose import planning, selection

        signals.end_by_exit()
        chosen = selection.Selection(self.base, self.read_repos)
        session = planning.Session(trees, where, chosen, terminal.progress)
        try:
            lines = contextlib.closing(self.answer(session, chosen))
            with terminal.hushed(wanted=self.opts.quiet) as results, lines as found:
                for line in found:
                    print(line, file=results)
        except (KeyboardInterrupt, SystemExit):
            logger.critical(session.state())
            raise
        except Exception as e:
            raise dnf.exceptions.Error(f"{dnf_base.sentence(e)}\n{session.state()}") from e

    def answer(self, session, chosen):
        """Do what the options want, and say what came of it, line by line."""
        from ostree_layer import compose, terminal
        from ostree_layer.compose import order, report, workshop

        opts, wanted, is_changed = self.opts, order.from_options(self.opts), False
        with workshop.opened(pathlib.Path(opts.workdir)) as shop:
            if opts.dry_run or opts.download_only:
                yield from session.preview(shop, wanted, only_download=opts.download_only)
                return
            announce = functools.partial(logger.info, _("Composing %s."))
            composer = functools.partial(compose.Composer, shop, chosen, announce, terminal.progress)
            for outcome in session.compose(shop, wanted, composer):
                yield from report.lines(outcome)
                report.write(session.where, outcome, opts)
                is_changed = is_changed or outcome.is_new
        if opts.unchanged_exit_77 and not is_changed:
            self.command.cli.demands.success_exit_status = 77

    def read_repos(self):
        """Anew, for another treefile; what --repofrompath added DNF has said the first time."""
        logging.disable(logging.INFO)
        try:
            self.command.cli._configure_repos(self.opts)
        finally:
            logging.disable(logging.NOTSET)


class Schema(Act):
    summary = _("print the JSON Schema of treefiles")

    def run(self):
        from ostree_layer.treefile import rendering

        sys.stdout.write(rendering.schema())


class Look(Act):
    """An act that says something of the commits in a repository, and changes none."""

    @classmethod
    def set_argparser(cls, parser):
        from ostree_layer import tree_acts

        parser.add_argument("--json", action="store_true", help=_("write JSON"))
        cls.of(tree_acts).set_argparser(parser)

    @classmethod
    def of(cls, tree_acts):
        """What the library has under the name of the act."""
        return tree_acts.ACTS[cls.__name__]

    def run(self):
        from ostree_layer import terminal, tree_acts

        report = terminal.silent if self.opts.json else terminal.progress
        answer = self.of(tree_acts).answer(self.open_repo(), self.opts, report)
        if self.opts.json:
            print(json.dumps(answer.document(), indent=2))
        else:
            for line in answer.lines:
                print(line)
        self.command.cli.demands.success_exit_status = answer.status

    def open_repo(self):
        """The repository that --repo names, or else that of the OSTree host."""
        from ostree_layer import host, settings, tree_acts

        options = settings.parse(OstreeTreePlugin.read_config(self.base.conf))
        target = None if self.command.repos else host.find_target(options, os.environ)
        return tree_acts.open_repo(target or self.require_repo(), self.opts)


LOOKS = {
    "list": _("list the trees in a repository"),
    "show": _("show what a commit is"),
    "log": _("show a commit and those before it, with their package changes"),
    "diff": _("show how two commits differ"),
    "verify": _("verify the objects, signatures and package files of a commit"),
    "export": _("print the treefile that makes a tree again, or write it with all that it needs"),
}
ACTS = {"compose": Compose, "schema": Schema}
ACTS.update((name, type(name, (Look,), {"summary": summary})) for name, summary in LOOKS.items())


@contextlib.contextmanager
def told_modules():
    """Say of a Python module that the body does not find what it is needed for."""
    try:
        yield
    except ModuleNotFoundError as e:
        raise dnf.exceptions.Error(_("treefiles need the Python module '{}'").format(e.name)) from e


def act_parser(name):
    parser = argparse.ArgumentParser(prog=f"dnf tree {name}", description=ACTS[name].summary, add_help=False)
    ACTS[name].set_argparser(parser)
    return parser


class TreeCommand(dnf.cli.Command):
    aliases = ("tree",)
    summary = _("compose trees, and look at them")
    # It neither changes nor reads the system that it runs on.
    is_about_deployments = True

    def __init__(self, cli):
        super().__init__(cli)
        # DNF knows the options of commands only, and would print its own help.
        for name in {"-h", "--help"}.intersection(cli.base.args) and ACTS.keys() & set(cli.base.args):
            act_parser(name).print_help()
            sys.exit(0)

    @staticmethod
    def set_argparser(parser):
        acts = "; ".join(f"{name}: {act.summary}" for name, act in ACTS.items())
        parser.add_argument("act", choices=ACTS, metavar="|".join(ACTS), help=acts)
        # Of an option that only an act knows, DNF would make the one of its own that begins like it: --allowerasing.
        parser.add_argument("--all", action="store_true", help=argparse.SUPPRESS)
        parser.add_argument("arguments", nargs=argparse.REMAINDER, help=_("'dnf tree ACT --help' lists them"))

    def pre_configure(self):
        self.act = ACTS[self.opts.act](self)
        with told_modules():
            act_parser(self.opts.act).parse_intermixed_args(self.opts.arguments, self.opts)
        # DNF would look for an RPM repository of this name.
        self.repos, self.opts.repo = self.opts.repo, []
        if self.act.only_prints or getattr(self.opts, "print", False):
            self.cli.redirect_logger(stdout=logging.WARNING, stderr=logging.INFO)

    def run(self):
        # A plugin that cannot be imported is a plugin that is not there: the library is imported when it is needed.
        from ostree_layer import dnf_base, errors

        try:
            with told_modules():
                self.act.run()
        except (errors.OstreeLayerError, OSError) as e:
            raise dnf.exceptions.Error(dnf_base.sentence(e)) from e


class OstreeTreePlugin(dnf.Plugin):
    name = "ostree-tree"
    config_name = "ostree"

    def __init__(self, base, cli):
        super().__init__(base, cli)
        # A name that somebody else has taken would break every dnf command.
        if cli is not None and "tree" not in cli.cli_commands:
            cli.register_command(TreeCommand)
