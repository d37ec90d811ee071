"""Leads the window into each of its states and takes a picture of it; `tools/take_pictures.py` is the command."""
