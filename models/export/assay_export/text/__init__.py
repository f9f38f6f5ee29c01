"""From an item to ids and the places that are read, and from what is read there to golden pairs."""
