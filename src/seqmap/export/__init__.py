"""Models in other forms: plain C, ONNX. Torch-free."""
