"""``python -m madcore`` is the launcher."""

from madcore.cli import main

main()
