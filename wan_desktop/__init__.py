"""Wan Desktop: makes videos with Wan models on this PC."""

__version__ = "0.1.0"
