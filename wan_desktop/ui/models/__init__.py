"""The page that shows, brings, checks and removes models."""
