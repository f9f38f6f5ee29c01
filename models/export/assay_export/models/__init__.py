"""A model in PyTorch: a body with its head, what it computes there, and how far that may be off."""
