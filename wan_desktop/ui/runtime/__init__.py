"""The render engine's installation, as other pages show it."""
