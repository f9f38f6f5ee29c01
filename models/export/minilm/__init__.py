"""A general embedding model: all-MiniLM-L6-v2 as a bundle, held to sentence-transformers."""
