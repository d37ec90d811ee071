"""How the program becomes something that can be installed; see docs/packaging.md."""
