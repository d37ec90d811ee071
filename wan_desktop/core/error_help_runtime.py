"""The help texts of errors about the engine runtime, by number."""

from wan_desktop.core.error_help_entry import ErrorHelp
from wan_desktop.core.words import mark

RUNTIME_ENTRIES = (
    ErrorHelp(
        number=2112,
        title=mark("A part of the render engine is not at the source"),
        cause=mark(
            "The server does not have the file that this version of the program needs, or has another one under its "
            "name. Something on the way may answer in the server's place."
        ),
        what_to_do=(
            mark("Try again in another network, or without a proxy or a mirror."),
            mark("Install the newest version of the program."),
            mark("Or get the engine package on another PC, and install the engine from that file."),
        ),
        tried=mark("Only files whose checksum came with the program are taken."),
    ),
    ErrorHelp(
        number=6030,
        title=mark("The render engine is not installed"),
        cause=mark(
            "The part of the program that computes videos is installed on its own, since it is large and depends on "
            "the graphics card. It was not installed yet, or was removed."
        ),
        what_to_do=(
            mark("Install the render engine; the PC must be connected to the internet for that."),
            mark("Without internet, install it from the engine package, a file that can be got on another PC."),
        ),
        tried=mark("It looks for an engine that was installed before."),
    ),
    ErrorHelp(
        number=6031,
        title=mark("The list of the render engine's parts is damaged"),
        cause=mark("A file of the program that names the engine's parts is missing or was changed."),
        what_to_do=(mark("Install the program again; models, videos and settings stay."),),
        tried=mark("Nothing: without that list no part can be trusted."),
    ),
    ErrorHelp(
        number=6032,
        title=mark("The render engine could not be installed"),
        cause=mark(
            "All parts are here, but they could not be put together: a virus scanner holds files, the drive fails, or "
            "part of the program is missing."
        ),
        what_to_do=(
            mark("Try again; what was downloaded is kept."),
            mark("Allow the program's folder in the virus scanner."),
            mark("If it stays so, install the program again."),
        ),
        tried=mark("What was half made is removed. An engine that was installed before stays in use."),
    ),
    ErrorHelp(
        number=6033,
        title=mark("The new render engine does not work"),
        cause=mark(
            "The engine was installed, and failed to make a short video. The graphics driver may not go with it, or a "
            "virus scanner removed a file."
        ),
        what_to_do=(
            mark("Install the newest driver of the graphics card, restart the PC, and try again."),
            mark("Allow the program's folder in the virus scanner."),
            mark("If it stays so, save a report on the page Help & diagnostics."),
        ),
        tried=mark("The new engine is removed, and the one that was installed before stays in use."),
    ),
    ErrorHelp(
        number=6034,
        title=mark("The render engine is being installed already"),
        cause=mark("Another window of the program, or the command line, installs the engine just now."),
        what_to_do=(mark("Wait until that is done, or stop it there."),),
        tried=mark("Nothing: two must not install the same engine at once."),
    ),
    ErrorHelp(
        number=6035,
        title=mark("The render engine is damaged"),
        cause=mark("Files of the engine are missing or changed: by a virus scanner, another program, or the drive."),
        what_to_do=(
            mark("Repair the render engine; only what is missing is downloaded."),
            mark("Allow the program's folder in the virus scanner, so that it does not happen again."),
        ),
        tried=mark("Every file is compared with what was installed."),
    ),
    ErrorHelp(
        number=6036,
        title=mark("This engine package cannot be used"),
        cause=mark(
            "The file is no engine package, is damaged, belongs to another version of the program, or not all of its "
            "parts lie beside each other."
        ),
        what_to_do=(
            mark("Copy all parts of the package into one folder, and choose one of them."),
            mark("If a part is damaged, copy or download it again."),
            mark("Use the package of this very version of the program."),
        ),
        tried=mark("Every part is compared with its checksum; nothing that is not right is used."),
    ),
    ErrorHelp(
        number=6037,
        title=mark("Not enough space for the render engine"),
        cause=mark("The drive of the program's data has less free space than the engine needs while it is installed."),
        what_to_do=(
            mark("Free up space on that drive; the message says how much is missing."),
            mark("Then go on: what was downloaded is kept."),
        ),
        tried=mark("The space is looked at before anything is downloaded, and again before it is put together."),
    ),
)
