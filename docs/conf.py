"""How the documentation is built: ``make docs``. Warnings are errors."""

import re
import subprocess
import sys

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
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
smartquotes = False  # options of commands begin with two dashes

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


def _append_commands(app: Sphinx, page: str, source: list[str]) -> None:
    """Append to its page what ``--help`` says of every command, as typer writes it in Markdown."""
    if page != "reference/command-line":
        return
    command = [sys.executable, "-m", "typer", "setfit_explain.cli.app", "utils", "docs"]
    made = subprocess.run([*command, "--name", "setfit-explain"], capture_output=True, text=True, check=True)
    _, commands = made.stdout.split("\n", 1)  # without its title: the page has one
    source[0] += re.sub("^(?=(setfit-explain|cat) )", "    $ ", commands, flags=re.MULTILINE)  # examples


def _drop_title(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Leave out the package's own sentence, where its public names are listed."""
    if name == "setfit_explain":
        lines.clear()


def _mathml(translator: HTML5Translator, node: nodes.Element) -> None:
    """Draw a formula as MathML, which browsers know: no script, no network."""
    as_block = isinstance(node, nodes.math_block)
    formula = tex2mathml(node.astext(), as_block=as_block)
    translator.body.append(f'<div class="formula">{formula}</div>' if as_block else formula)
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Have the commands' help in the reference, and formulas drawn."""
    app.connect("source-read", _append_commands)
    app.connect("autodoc-process-docstring", _drop_title)
    app.add_html_math_renderer("mathml", (_mathml, None), (_mathml, None))
