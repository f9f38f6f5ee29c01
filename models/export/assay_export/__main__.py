"""`python -m assay_export` is the command `assay-export`."""

from .cli import main

main()
