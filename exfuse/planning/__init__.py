"""What the graph will cost before anything of it runs; no torch here."""
