"""The first start: what this PC is, where models go, how fast it is, and the first model."""
