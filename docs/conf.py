"""How the documentation is built: `make docs`.  Whatever the program can say itself is taken from the program."""

import inspect

from click.testing import CliRunner
from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

import madcore
from madcore.cli import COMMANDS, launcher

project = "madcore"
author = "The madcore developers"
version = release = madcore.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "jupyter_execute"]

myst_enable_extensions = ["dollarmath"]
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 120

autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "madcore"
html_show_copyright = False
html_math_renderer = "mathml"  # browsers draw it themselves: no script from elsewhere

DIRECTIVES = {"Functions": "autofunction", "Classes": "autoclass", "Errors": "autoexception"}


class LauncherHelp(SphinxDirective):
    """The help of every command, as its users read it."""

    def run(self) -> list[nodes.Node]:
        pages = []
        for command in ([], *([name] for name in COMMANDS)):
            words = " ".join(["madcore", *command])
            shown = CliRunner().invoke(launcher, [*command, "--help"], prog_name="madcore", terminal_width=80).output
            pages.append(f"## {words}\n\n```text\n{shown}```\n")
        return self.parse_text_to_nodes("\n".join(pages), allow_section_headings=True)


class PublicNames(SphinxDirective):
    """Everything in `madcore.__all__` that has a docstring, by kind."""

    def run(self) -> list[nodes.Node]:
        kinds: dict[str, list[str]] = {kind: [] for kind in DIRECTIVES}
        for name in madcore.__all__:
            if kind := kind_of(getattr(madcore, name)):
                kinds[kind].append(name)
        pages = []
        for kind, names in kinds.items():
            entries = "\n".join(f".. {DIRECTIVES[kind]}:: madcore.{name}{members(kind)}" for name in names)
            pages.append(f"## {kind}\n\n```{{eval-rst}}\n{entries}\n```\n")
        return self.parse_text_to_nodes("\n".join(pages), allow_section_headings=True)


class Statuses(SphinxDirective):
    """Every status and what it means."""

    def run(self) -> list[nodes.Node]:
        rows = [f"| {status} | {status.meaning} |" for status in madcore.Status]
        return self.parse_text_to_nodes("\n".join(["| status | meaning |", "|---|---|", *rows]))


def kind_of(value: object) -> str | None:
    if inspect.isfunction(value):
        return "Functions"
    if inspect.isclass(value):
        return "Errors" if issubclass(value, Exception) else "Classes"
    return None


def members(kind: str) -> str:
    return "\n   :members:\n   :inherited-members: str\n" if kind == "Classes" else "\n"


def inline_math(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def block_math(translator: HTML5Translator, node: nodes.math_block) -> None:
    translator.body.append(tex2mathml(node.astext()).replace("<math ", '<math display="block" ', 1))
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    app.add_directive("launcher-help", LauncherHelp)
    app.add_directive("public-names", PublicNames)
    app.add_directive("statuses", Statuses)
    app.add_html_math_renderer("mathml", (inline_math, None), (block_math, None))
