"""What core knows, as objects that live in the window's thread and say when something has changed."""
