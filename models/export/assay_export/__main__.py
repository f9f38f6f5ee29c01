"""`python -m assay_export` is the command `assay-export`."""

from .command import main

main()
