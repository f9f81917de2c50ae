# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF plugin: `dnf tree`, the command about trees that are composed, on any machine."""

import argparse
import logging
import pathlib
import sys

import dnf
import dnf.cli
import dnf.exceptions
import dnf.i18n
import dnf.util

_, P_ = dnf.i18n.translation("ostree-layer")
logger = logging.getLogger("dnf.plugin")

WORKDIR = "/var/cache/ostree-layer"


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
    summary = _("compose trees from treefiles, and publish them in a repository")
    only_prints = False

    @staticmethod
    def set_argparser(parser):
        add = parser.add_argument
        add("treefiles", metavar="TREEFILE", nargs="+", help=_("a treefile, in YAML or JSON"))
        add("--print", action="store_true", help=_("only print the treefile merged with its includes"))
        add("--json", action="store_true", help=_("with --print, print JSON, not YAML"))
        add("--dry-run", action="store_true", help=_("only show the packages"))
        add("--download-only", action="store_true", help=_("only download the packages"))
        add("--workdir", default=WORKDIR, metavar="DIR", help=_("where trees are made ({})").format(WORKDIR))
        add("--branch", default="", metavar="REF", help=_("the ref of the commit, in the place of the treefile's"))
        add("--parent", default="", metavar="REV", help=_("the parent of the commit, in the place of the ref's"))
        add("--no-parent", action="store_true", help=_("a commit without a parent"))
        add("--always", action="store_true", help=_("a new commit, though nothing has changed"))
        add("--unchanged-exit-77", action="store_true", help=_("exit with status 77 if nothing has changed"))
        add("--touch-if-changed", metavar="FILE", help=_("touch FILE if there is a new commit"))
        add("--lockfile", action="append", default=[], metavar="FILE", help=_("take packages in these versions"))
        add("--lockfile-strict", action="store_true", help=_("take no packages but those of the lockfiles"))
        add("--write-lockfile-to", metavar="FILE", help=_("write the versions of the packages"))
        add("--add-metadata", action="append", default=[], metavar="KEY=VALUE", help=_("a string in the commit"))
        add("--add-metadata-from-json", action="append", default=[], metavar="FILE", help=_("a mapping of them"))
        add("--write-commitid-to", metavar="FILE", help=_("write the commit's checksum, and do not move the ref"))
        add("--write-composejson-to", metavar="FILE", help=_("write what there is to say of the commit"))

    def run(self):
        from ostree_layer import treefile

        where = None if self.opts.print else self.require_right_use()
        basearch = self.base.conf.substitutions["basearch"]
        trees = [treefile.read(pathlib.Path(path), basearch) for path in self.opts.treefiles]
        for sentence in (sentence for tree in trees for sentence in tree.ignored):
            logger.info(sentence)
        if where is None:
            self.print(trees)
            return
        published = []
        try:
            self.compose(trees, where, published)
        except (Exception, KeyboardInterrupt):
            done = ", ".join(outcome.ref for outcome in published)
            logger.critical(
                _("Published before that: {}.").format(done) if done else _("{} is as it was.").format(where)
            )
            raise

    def require_right_use(self):
        """The repository to compose for, if this can be done at all."""
        if not dnf.util.am_i_root():
            raise dnf.exceptions.Error(_("only root can compose trees"))
        single = ("branch", "parent", "write_lockfile_to", "write_commitid_to", "write_composejson_to")
        given = [f"--{name.replace('_', '-')}" for name in single if getattr(self.opts, name)]
        if len(self.opts.treefiles) > 1 and given:
            raise dnf.exceptions.Error(_("{} is for one treefile, not for several").format(", ".join(given)))
        return self.require_repo()

    def compose(self, trees, where, published):
        from ostree_layer import compose, repo, signals, terminal
        from ostree_layer.compose import planning, selection, workshop

        signals.end_by_exit()
        chosen = selection.Selection(self.base, lambda: self.command.cli._configure_repos(self.opts))
        with workshop.opened(pathlib.Path(self.opts.workdir)) as shop:
            target = repo.open_or_create(where)
            composer = compose.Composer(shop, target, chosen, terminal.progress)
            plan = planning.Plan(shop, target, chosen, self.order(), composer.make)
            if self.opts.dry_run or self.opts.download_only:
                for tree in trees:
                    self.preview(plan, tree, chosen)
                return
            for outcome in plan.follow(trees):
                if outcome.is_new:
                    published.append(outcome)
                self.tell(target, outcome)
        if self.opts.unchanged_exit_77 and not published:
            raise SystemExit(77)

    def order(self):
        from ostree_layer.compose import lockfile, order, record

        opts = self.opts
        more = record.read_metadata(map(pathlib.Path, opts.add_metadata_from_json), opts.add_metadata)
        return order.Order(
            locks=lockfile.read(map(pathlib.Path, opts.lockfile)),
            is_strict=opts.lockfile_strict,
            metadata=more,
            branch=opts.branch,
            parent=opts.parent,
            has_parent=not opts.no_parent,
            even_if_unchanged=opts.always,
            moves_ref=not opts.write_commitid_to,
        )

    def preview(self, plan, tree, chosen):
        with plan.preview(tree):
            if self.opts.download_only:
                chosen.run(only_download=True)
            else:
                print(chosen.show())

    def tell(self, target, outcome):
        from ostree_layer.compose import report

        for line in report.lines(outcome):
            print(line)
        opts = self.opts
        if opts.write_composejson_to:
            pathlib.Path(opts.write_composejson_to).write_text(report.as_json(target, outcome))
        if opts.write_commitid_to:
            pathlib.Path(opts.write_commitid_to).write_text(outcome.checksum + "\n")
        if opts.write_lockfile_to and outcome.composed is not None:
            pathlib.Path(opts.write_lockfile_to).write_text(report.locks(outcome))
        if opts.touch_if_changed and outcome.is_new:
            pathlib.Path(opts.touch_if_changed).touch()

    def print(self, trees):
        from ostree_layer.treefile import rendering

        write = rendering.as_json if self.opts.json else rendering.as_yaml
        sys.stdout.write("".join(write(tree.values) for tree in trees))


class Schema(Act):
    summary = _("print the JSON Schema of treefiles")

    def run(self):
        from ostree_layer.treefile import rendering

        sys.stdout.write(rendering.schema())


ACTS = {"compose": Compose, "schema": Schema}


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
        parser.add_argument("arguments", nargs=argparse.REMAINDER, help=_("'dnf tree ACT --help' lists them"))

    def pre_configure(self):
        self.act = ACTS[self.opts.act](self)
        act_parser(self.opts.act).parse_args(self.opts.arguments, self.opts)
        # DNF would look for an RPM repository of this name.
        self.repos, self.opts.repo = self.opts.repo, []
        if self.act.only_prints or getattr(self.opts, "print", False):
            self.cli.redirect_logger(stdout=logging.WARNING, stderr=logging.INFO)

    def run(self):
        # A plugin that cannot be imported is a plugin that is not there: the library is imported when it is needed.
        from ostree_layer import errors

        try:
            self.act.run()
        except errors.OstreeLayerError as e:
            raise dnf.exceptions.Error(e.sentence()) from e
        except ModuleNotFoundError as e:
            raise dnf.exceptions.Error(_("treefiles need the Python module '{}'").format(e.name)) from e


class OstreeTreePlugin(dnf.Plugin):
    name = "ostree-tree"
    config_name = "ostree"

    def __init__(self, base, cli):
        super().__init__(base, cli)
        # A name that somebody else has taken would break every dnf command.
        if cli is not None and "tree" not in cli.cli_commands:
            cli.register_command(TreeCommand)
