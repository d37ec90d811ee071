"""The page This PC."""
