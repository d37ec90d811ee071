"""The window: Qt widgets that show snapshots and emit wishes; nothing that could live in core."""
