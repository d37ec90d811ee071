"""Makers of what resources/ holds; run as `python -m tools.NAME`."""
