"""Errors a user can act on: each has a stable code, says what happened and why, and what to do next.

A foreign exception is translated once, where it enters (`raise ... from error`). Anything that is not a
:class:`WanError` is a bug.
"""

from typing import ClassVar

from wan_desktop.core.words import mark, tr


class WanError(Exception):
    """Base of all errors that are shown to the user.

    Args:
        message: What happened and why, in plain words, with the numbers that matter.
        hint: What to do next.
        details: Technical text for the log and the "details" fold; never a prompt, never a secret.
    """

    code: ClassVar[str] = "unexpected"
    """Stable, kebab-case, for programs."""
    number: ClassVar[int] = 6005
    """Stable, for people and the help pages."""
    title: ClassVar[str] = mark("Something unexpected happened")

    def __init__(self, message: str, *, hint: str = "", details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    @property
    def shown_title(self) -> str:
        """The title in the language in use; `title` itself is English, for the log."""
        return tr(self.title)


class JobCancelled(Exception):  # noqa: N818 - not an error: the user asked for it
    """Work stopped because it was asked to."""


class RequestError(WanError):
    """The request cannot be carried out as it stands."""

    code = "request-impossible"
    number = 5005
    title = mark("This model cannot do that")


class InputError(RequestError):
    """Something that was typed in, or set, is no value for what it is meant for."""

    code = "input-invalid"
    number = 5006
    title = mark("This entry cannot be used")


class PromptEmptyError(RequestError):
    """There is nothing to make."""

    code = "prompt-empty"
    number = 5001
    title = mark("The prompt is empty")


class ImageUnreadableError(RequestError):
    """The start image is missing, damaged, or of a kind that cannot be read."""

    code = "image-unreadable"
    number = 5003
    title = mark("This picture cannot be read")


class ImageSizeError(RequestError):
    """The start image has too few or too many pixels."""

    code = "image-size"
    number = 5004
    title = mark("The picture is too small or too large")


class IncompatibleError(WanError):
    """The model, the mode, the size and this PC do not go together."""

    code = "incompatible"
    number = 1004
    title = mark("This PC cannot run the model")


class IntegrityError(WanError):
    """The model's files are not what they should be."""

    code = "model-damaged"
    number = 2105
    title = mark("The model's files are damaged")


class ModelNotFoundError(IntegrityError):
    """No model of that name, or no folder at that place."""

    code = "model-not-found"
    number = 2106
    title = mark("This model is not on this PC")


class ModelFilesMissingError(IntegrityError):
    """Files of the model are absent."""

    code = "model-files-missing"
    number = 2101
    title = mark("Model files are missing")


class NotAWanModelError(IntegrityError):
    """The folder holds something else."""

    code = "not-a-wan-model"
    number = 2102
    title = mark("This is not a Wan model")


class UnsafeFormatError(IntegrityError):
    """The weights are in a format that can contain program code."""

    code = "unsafe-format"
    number = 2103
    title = mark("Unsafe file format")


class CardBusyError(WanError):
    """Other programs hold so much video memory that no way of making the video fits.

    Args:
        message, hint, details: As for WanError.
        needed_bytes: Of video memory, that must be free for the most frugal way on the card.
    """

    code = "card-busy"
    number = 1005
    title = mark("The graphics card is busy")

    def __init__(self, message: str, *, hint: str = "", details: str = "", needed_bytes: int = 0) -> None:
        super().__init__(message, hint=hint, details=details)
        self.needed_bytes = needed_bytes


class ModelBusyError(WanError):
    """Something else is being done with the model."""

    code = "model-busy"
    number = 2107
    title = mark("The model is in use")


class ManifestError(IntegrityError):
    """What was written down about a model on disk cannot be read."""

    code = "manifest-damaged"
    number = 2108
    title = mark("The model's file list is damaged")


class CatalogError(WanError):
    """An entry of the catalog cannot be read."""

    code = "catalog-damaged"
    number = 6001
    title = mark("Part of the program is missing")


class DownloadError(WanError):
    """Bytes did not arrive."""

    code = "download-stopped"
    number = 2001
    title = mark("The download stopped")


class OfflineError(DownloadError):
    """The server cannot be reached, or answers that it is out of order."""

    code = "hub-unreachable"
    number = 2007
    title = mark("The server cannot be reached")


class ConnectionBlockedError(DownloadError):
    """Something between this PC and the server does not let the connection through."""

    code = "connection-blocked"
    number = 2006
    title = mark("The connection is blocked")


class ContentMismatchError(DownloadError):
    """What arrived is not what the repository says it holds."""

    code = "download-damaged"
    number = 2002
    title = mark("A file arrived damaged")


class AccessDeniedError(DownloadError):
    """The server wants a login, a licence to be accepted, or another token."""

    code = "access-denied"
    number = 2004
    title = mark("The server refuses the download")


class RepositoryNotFoundError(DownloadError):
    """The repository, its revision or a file of it is not there."""

    code = "repository-not-found"
    number = 2005
    title = mark("The model was moved or removed at the source")


class WheelMissingError(DownloadError):
    """A part of the engine, as the program knows it, is not at the source."""

    code = "engine-part-missing"
    number = 2112
    title = mark("A part of the render engine is not at the source")


class UnsafeNameError(DownloadError):
    """A repository holds a name that must not become a file."""

    code = "unsafe-name"
    number = 2109
    title = mark("The repository holds an unsafe file name")


class DownloadSpaceError(WanError):
    """The drive has too little space for the download."""

    code = "download-space"
    number = 2003
    title = mark("Not enough space for the download")


class StoreError(WanError):
    """A file of the model store cannot be read or written."""

    code = "store-unwritable"
    number = 6008
    title = mark("The model folder cannot be written")


class FileBlockedError(StoreError):
    """Another program, or a permission, keeps a file from being changed."""

    code = "file-blocked"
    number = 6004
    title = mark("Another program blocks a file")


class DriveFaultError(StoreError):
    """The drive reports that it cannot read or write."""

    code = "drive-fault"
    number = 2110
    title = mark("The drive reports a fault")


class DriveMissingError(StoreError):
    """The drive of a model is not connected."""

    code = "drive-missing"
    number = 2104
    title = mark("The model drive is not connected")


class CopyNeededError(RequestError):
    """A model can be adopted only by copying it, and that was not allowed."""

    code = "copy-needed"
    number = 2111
    title = mark("The model would have to be copied")

    def __init__(self, message: str, *, hint: str = "", details: str = "", copy_bytes: int = 0) -> None:
        super().__init__(message, hint=hint, details=details)
        self.copy_bytes = copy_bytes


class EngineError(WanError):
    """The render engine stopped, did not start, or does not answer."""

    code = "engine-stopped"
    number = 3005
    title = mark("The render engine stopped")


class OutOfMemoryError(WanError):
    """Video memory or memory ran out."""

    code = "out-of-memory"
    number = 3001
    title = mark("Not enough memory")


class BrokenPictureError(WanError):
    """The numbers overflowed; the picture would be black or noise."""

    code = "picture-broken"
    number = 3004
    title = mark("The picture turned black or broken")


class DiskFullError(WanError):
    """There is not enough space to save."""

    code = "disk-full"
    number = 4001
    title = mark("Not enough space to save the video")


class VideoNotSavedError(WanError):
    """The video could not be written where it should go."""

    code = "video-not-saved"
    number = 4002
    title = mark("The video could not be saved")


class VideoUnreadableError(WanError):
    """A video cannot be read back, or was not made by this program."""

    code = "video-unreadable"
    number = 4003
    title = mark("This video cannot be read")


class VideoMissingError(WanError):
    """A video of the library is not there any more."""

    code = "video-missing"
    number = 4005
    title = mark("The video is not where it was")


class VideoLibraryError(WanError):
    """The index of videos can be neither read nor written."""

    code = "video-library"
    number = 4006
    title = mark("The list of videos cannot be used")


class VideoLibraryDamagedError(VideoLibraryError):
    """The index was damaged and has been put aside; a new one is there, and empty."""

    code = "video-library-damaged"
    number = 4007
    title = mark("The list of videos was damaged")


class DataFolderError(WanError):
    """The folder of settings, log and unfinished work cannot be written."""

    code = "data-folder"
    number = 6007
    title = mark("The program's folder cannot be written")


class AlreadyOpenError(WanError):
    """Another process of this program has the data folder, and its window does not answer."""

    code = "already-open"
    number = 6012
    title = mark("The program is open already")


class SettingsError(WanError):
    """Settings could not be saved."""

    code = "settings-not-saved"
    number = 6002
    title = mark("Settings could not be saved")


class ReportNotSavedError(WanError):
    """A report for somebody who helps could not be written."""

    code = "report-not-saved"
    number = 6013
    title = mark("The report could not be saved")


class EngineRuntimeError(WanError):
    """There is no engine runtime that could be used."""

    code = "runtime-missing"
    number = 6030
    title = mark("The render engine is not installed")


class RuntimeListError(EngineRuntimeError):
    """The list of the engine's parts, which comes with the program, cannot be read."""

    code = "runtime-list-damaged"
    number = 6031
    title = mark("The list of the render engine's parts is damaged")


class RuntimeBuildError(EngineRuntimeError):
    """The engine's parts are here, and could not be put together."""

    code = "runtime-not-built"
    number = 6032
    title = mark("The render engine could not be installed")


class RuntimeTestError(EngineRuntimeError):
    """A new engine runtime was put together and makes no video."""

    code = "runtime-test-failed"
    number = 6033
    title = mark("The new render engine does not work")


class RuntimeBusyError(EngineRuntimeError):
    """Another process, or another thread, changes the engine runtimes."""

    code = "runtime-busy"
    number = 6034
    title = mark("The render engine is being installed already")


class RuntimeDamagedError(EngineRuntimeError):
    """Files of the installed engine are missing or changed."""

    code = "runtime-damaged"
    number = 6035
    title = mark("The render engine is damaged")


class EnginePackError(EngineRuntimeError):
    """A file that was to bring the engine's parts brings none, not all, or others."""

    code = "engine-pack"
    number = 6036
    title = mark("This engine package cannot be used")


class RuntimeSpaceError(DownloadSpaceError):
    """The drive has too little space for the engine runtime."""

    code = "runtime-space"
    number = 6037
    title = mark("Not enough space for the render engine")


class QueueError(WanError):
    """The queue of renders cannot be read or saved."""

    code = "queue-unusable"
    number = 6009
    title = mark("The queue cannot be used")


class QueueBusyError(QueueError):
    """Another process of this program has the queue."""

    code = "queue-in-use"
    number = 6010
    title = mark("The queue is open in another window")


class QueueDamagedError(QueueError):
    """The queue's file was damaged and was begun anew with what could be saved."""

    code = "queue-damaged"
    number = 6011
    title = mark("The queue was damaged")


class QueueSpaceError(DiskFullError):
    """The queue could not be saved since its drive is full."""

    code = "queue-space"
    number = 4004
    title = mark("Not enough space to save the queue")


class RenderInterruptedError(WanError):
    """The program ended again and again while it made the same video."""

    code = "render-interrupted"
    number = 6003
    title = mark("The program did not close properly")


class RecipeUnreadableError(InputError):
    """A file that was to bring the settings of a video brings none."""

    code = "recipe-unreadable"
    number = 5008
    title = mark("This file holds no settings of a video")


class UpdateRefusedError(WanError):
    """What was said of a newer program, or its setup file, does not prove itself."""

    code = "update-refused"
    number = 6020
    title = mark("The update was refused")


class UpdateServerError(WanError):
    """The server of updates cannot be reached, or gives no answer."""

    code = "update-server"
    number = 6021
    title = mark("Updates cannot be looked for")


class SetupNotStartedError(WanError):
    """The setup file of a newer program is here, and the system does not start it."""

    code = "setup-not-started"
    number = 6022
    title = mark("The update could not be started")


class HardwareFileError(InputError):
    """A file does not describe a PC."""

    code = "hardware-file"
    number = 5007
    title = mark("This file does not describe a PC")


def _family(parent: type[WanError]) -> dict[str, type[WanError]]:
    found = {parent.code: parent}
    for child in parent.__subclasses__():
        found |= _family(child)
    return found


def error_from_code(code: str, message: str, *, hint: str = "", details: str = "") -> WanError:
    """The error that crossed a process border as its code and texts; unknown codes give a plain :class:`WanError`."""
    return _family(WanError).get(code, WanError)(message, hint=hint, details=details)
