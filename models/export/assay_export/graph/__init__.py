"""Graphs: the layouts around a model, and tracing."""
