"""Models on disk: downloaded for good, verified, repaired."""
