"""Reusable controls; they know the look, and nothing of models, jobs or the engine."""
