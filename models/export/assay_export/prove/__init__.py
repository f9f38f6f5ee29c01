"""Holding a bundle to PyTorch, to transformers' own loading and to the server."""
