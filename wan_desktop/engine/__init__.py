"""The render engine: torch and diffusers in a process of their own; no Qt."""
