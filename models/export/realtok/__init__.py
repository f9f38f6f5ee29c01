"""Ids and renderings of real tokenizers and chat templates, made by Hugging Face's own code, for the server to be held to."""
