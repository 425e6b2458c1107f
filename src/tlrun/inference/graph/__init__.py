"""What was trained as an ONNX graph, its preprocessing inside; needs the extra `export`."""
