"""The Create page: what is to be made on the left, what is being made on the right."""
