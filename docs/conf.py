"""How the documentation is built: `make docs`."""

import madcore

project = "madcore"
author = "The madcore developers"
version = release = madcore.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax", "sphinx_click"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
exclude_patterns = ["_build", "jupyter_execute"]
html_theme = "furo"
html_title = "madcore"
suppress_warnings = ["myst.header"]
