"""The qualitative browser: images that a rule chose by their scores, with what GCN and ExFuse made of them."""
