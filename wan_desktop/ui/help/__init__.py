"""The page Help & diagnostics."""
