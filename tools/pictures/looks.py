"""How the window is looked at: colours, size, zoom, size of the text, language."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """One way to look at the window; width and height are those of the window, in pixels before the zoom."""

    name: str
    theme: str
    width: int
    height: int
    zoom: float = 1.0
    text_scale: float = 1.0
    language: str = "en"

    @property
    def screen(self) -> tuple[int, int]:
        """The screen's pixels: a small window is looked at on a small screen."""
        width, height = (1920, 1080) if self.width >= 1440 else (1280, 720)
        return round(width * self.zoom), round(height * self.zoom)


LOOKS = (
    Look("dark", "dark", 1440, 900),
    Look("light", "light", 1440, 900),
    Look("small", "dark", 1280, 672),
    Look("minimum", "light", 1100, 640),
    Look("zoom150", "light", 1280, 672, zoom=1.5),
    Look("text150", "dark", 1280, 672, text_scale=1.5),
    Look("german", "light", 1280, 672, language="de"),
)
