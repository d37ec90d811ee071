"""The Queue page, and what else the window shows of the queue."""
