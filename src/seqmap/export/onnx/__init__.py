"""A model as ONNX graphs. What turns text into numbers stays outside: `files.feeds` does it."""
