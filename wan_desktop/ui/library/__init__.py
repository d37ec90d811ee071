"""Finished videos: the page, its parts, and the strip of the newest ones."""
