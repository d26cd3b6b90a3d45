"""Charts as Vega-Lite specifications, drawn to inline SVG whose colours are CSS variables."""
