"""Figures 2–6: the networks, drawn from what `exfuse trace` found in them."""
