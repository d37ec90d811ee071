"""How one video is to be made and saved where that is not as in the settings; no part of what it shows."""

from dataclasses import dataclass

from wan_desktop.core.settings import MemoryMode, Settings, VideoQuality


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderWishes:
    """None means "as in the settings"."""

    memory_mode: MemoryMode | None = None
    video_quality: VideoQuality | None = None
    save_png_frames: bool | None = None

    def applied_to(self, settings: Settings) -> Settings:
        """The program's settings, with these in their place."""
        names = ("memory_mode", "video_quality", "save_png_frames")
        return settings.with_changes(**{name: value for name in names if (value := getattr(self, name)) is not None})
