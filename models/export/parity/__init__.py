"""Every supported family against its authors' code, through the Go server: `python -m parity`."""
