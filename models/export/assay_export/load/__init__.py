"""From a directory to a model: what checkpoints, adapters and sentence-transformers' directories hold."""
