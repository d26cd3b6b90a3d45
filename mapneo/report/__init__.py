"""From manifests to a page: read a run, cite every figure, draw, and write one HTML file."""
