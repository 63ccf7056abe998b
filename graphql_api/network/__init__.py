"""Districts and the network down to the transformer."""
