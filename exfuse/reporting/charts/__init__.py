"""What the paper does not show, as charts: one Vega-Lite specification each, drawn live in the page and as files."""
