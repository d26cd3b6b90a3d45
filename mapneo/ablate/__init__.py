"""Which rules make the better model: one pool of text, several profiles, everything else equal."""
