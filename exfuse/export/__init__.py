"""Trained networks as programs that run without this one: ONNX and ``torch.export``."""
