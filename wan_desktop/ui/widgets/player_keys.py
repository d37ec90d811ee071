"""What keys do where a video plays: the letters are those of video editors."""

from PySide6.QtCore import Qt

PLAYER_KEYS = {
    Qt.Key.Key_Space: "toggle",
    Qt.Key.Key_K: "pause",
    Qt.Key.Key_Comma: "back",
    Qt.Key.Key_Period: "forward",
    Qt.Key.Key_J: "second_back",
    Qt.Key.Key_L: "second_forward",
    Qt.Key.Key_Home: "start",
}
"""The wish of a key that is pressed without others."""
