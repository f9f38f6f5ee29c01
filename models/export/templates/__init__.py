"""Chat templates that people use, and generated ones, rendered by transformers: what the server's engine is held to."""
