"""What the networks are and carry: costs, architecture, probes."""
