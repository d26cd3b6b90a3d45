"""A ladder: models of several sizes, each trained to the end of its schedule on several lengths."""
