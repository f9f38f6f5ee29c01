"""How a graph stores its weights: halves, and integers that are multiplied as such."""
