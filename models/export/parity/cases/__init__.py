"""The cases, one module for each kind of model; each has `CASES`."""
