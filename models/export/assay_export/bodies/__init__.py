"""Kinds of body: the keys of their config.json, their attention, experts and rotations, the names of their weights."""
