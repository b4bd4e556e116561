"""``python -m rustpbx_lab.cli``."""

from . import main

main()
