"""How the documentation is built: ``make docs``. Warnings are errors."""

import subprocess
import sys
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

import setfit_explain
import setfit_explain.errors

project = "setfit_explain"
author = "The setfit_explain developers"
copyright = author  # noqa: A001 - Sphinx's name
version = release = setfit_explain.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
nitpicky = True  # a cross-reference that leads nowhere is a warning
default_role = "any"

html_theme = "furo"
html_title = "setfit_explain"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
copybutton_exclude = ".linenos, .gp, .go"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the notebooks hold their outputs; tests execute them

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_maximum_signature_line_length = 80
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_attr_annotations = False  # types stand in the signature

# Signatures name types that no page is about.
nitpick_ignore_regex = [("py:class", ".*")]


class CommandLine(SphinxDirective):
    """What ``--help`` says, of every command."""

    def run(self) -> list[nodes.Node]:
        """Parse the Markdown that typer makes of the commands."""
        command = [sys.executable, "-m", "typer", "setfit_explain.cli.app", "utils", "docs"]
        made = subprocess.run(  # noqa: S603 - a command of ours
            [*command, "--name", "setfit-explain"], capture_output=True, text=True, check=True
        )
        self.env.note_dependency(str(Path(setfit_explain.__file__).parent / "cli" / "app.py"))
        _, commands = made.stdout.split("\n", 1)  # the page has a title of its own
        return self.parse_text_to_nodes(commands, allow_section_headings=True)


def _mathml(translator: HTML5Translator, node: nodes.Element) -> None:
    """Draw a formula as MathML, which browsers know: no script, no network."""
    translator.body.append(tex2mathml(node.astext(), as_block=isinstance(node, nodes.math_block)))
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Add the directive ``command-line`` and the drawing of formulas."""
    app.add_directive("command-line", CommandLine)
    app.add_html_math_renderer("mathml", (_mathml, None), (_mathml, None))
