"""Options of a ``build`` function: read from its signature, given as text or as Python objects, checked and completed.

Written ``piq.vif,sigma_n_sq=2.5`` in a shell, as keywords in Python and as keys in a plan.
"""

from madcore.options.signature import Option, complete_options, options_of
from madcore.options.suggestions import unknown_name
from madcore.options.text import option_text, parse_name, plain, write_name

__all__ = [
    "Option",
    "complete_options",
    "option_text",
    "options_of",
    "parse_name",
    "plain",
    "unknown_name",
    "write_name",
]
