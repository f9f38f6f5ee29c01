"""The files of a directory as they are: config, weights, tokenizer, and the families that say how they are read."""
