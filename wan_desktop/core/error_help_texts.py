"""The help text of each error, by number."""

from wan_desktop.core.error_help_entry import ErrorHelp
from wan_desktop.core.error_help_runtime import RUNTIME_ENTRIES
from wan_desktop.core.words import mark

_NOTHING_TRIED = mark("Nothing: only you can decide that.")
_DAMAGED_IS_KEPT = mark("The damaged file is kept beside the new one, and what can be read of it is taken over.")

_THIS_PC = (
    ErrorHelp(
        number=1001,
        title=mark("No NVIDIA graphics card found"),
        cause=mark(
            "The system shows no NVIDIA card. There is none, it is switched off, or its driver is missing. Without one "
            "only small models can be used, on the processor."
        ),
        what_to_do=(
            mark("In a laptop: plug in the power supply, and choose the NVIDIA card in its settings."),
            mark("Install the driver from NVIDIA's page, restart the PC, and press Check again on the page This PC."),
            mark("Without such a card, use the built-in model; models and videos can still be managed."),
        ),
        tried=mark("It asks the driver and the system, and uses another NVIDIA card if there is one."),
    ),
    ErrorHelp(
        number=1002,
        title=mark("The NVIDIA driver is too old"),
        cause=mark("The driver is older than what the program's libraries for computing on the card need."),
        what_to_do=(
            mark("Open NVIDIA's page, get the newest driver for your card, install it, and restart the PC."),
            mark("Then press Check again on the page This PC."),
        ),
        tried=mark("Nothing: a driver can be replaced only by you."),
    ),
    ErrorHelp(
        number=1003,
        title=mark("The graphics driver does not answer"),
        cause=mark("The driver has crashed, is just being updated, or another program keeps it busy."),
        what_to_do=(
            mark("Wait a minute and press Check again on the page This PC."),
            mark("If that does not help, restart the PC."),
            mark("If it comes back, install the newest driver from NVIDIA's page."),
        ),
        tried=mark(
            "The card is asked in a process of its own, so that the window goes on; it is asked again at each look."
        ),
    ),
    ErrorHelp(
        number=1004,
        title=mark("This PC cannot run the model"),
        cause=mark(
            "The model, its format, the size of the video and this PC do not go together: the card is too old, lacks a "
            "number format, or has too little memory for any way of loading."
        ),
        what_to_do=(
            mark("Choose a model or a variant that the page Models lists as fitting this PC."),
            mark("Choose a smaller size or a shorter video."),
        ),
        tried=mark("All ways of loading are weighed before anything is loaded; none of them fits."),
    ),
    ErrorHelp(
        number=1005,
        title=mark("The graphics card is busy"),
        cause=mark("Other programs hold so much of the video memory that no way of making this video fits."),
        what_to_do=(
            mark(
                "Press Wait and start when free: the video waits in the queue and starts by itself when they are done."
            ),
            mark("Close games, browsers and video programs; the page This PC shows how much they hold."),
            mark("Or make a smaller or shorter video."),
        ),
        tried=mark("It frees its own memory, and looks for half a minute whether enough becomes free."),
    ),
)

_DOWNLOADS = (
    ErrorHelp(
        number=2001,
        title=mark("The download stopped"),
        cause=mark("The connection broke, or no data came for a while."),
        what_to_do=(
            mark("Nothing is lost. Press Continue on the page Models when the connection is back."),
            mark("If it happens again and again, look at the connection, or set a download limit in Settings."),
        ),
        tried=mark("It connects again several times, with growing pauses, and goes on where it was."),
    ),
    ErrorHelp(
        number=2002,
        title=mark("A file arrived damaged"),
        cause=mark("What arrived is not what the source says it holds. Something on the way changed or cut it."),
        what_to_do=(
            mark("Start the download again: only what is wrong is fetched."),
            mark("If it happens again, try without a proxy or a mirror, and let the PC's memory be tested."),
        ),
        tried=mark("Each file is compared with its checksum, and what differs is fetched again."),
    ),
    ErrorHelp(
        number=2003,
        title=mark("Not enough space for the download"),
        cause=mark("The drive of the model folder has less free space than the download needs."),
        what_to_do=(
            mark("Free up space on that drive; the message says how much is missing."),
            mark("Or choose a model folder on another drive in Settings."),
            mark("Or choose a smaller variant of the model."),
        ),
        tried=mark("Files that this PC has already are used and not downloaded again."),
    ),
    ErrorHelp(
        number=2004,
        title=mark("The server refuses the download"),
        cause=mark("The model needs a login, its licence was not accepted, or the token has no right to it."),
        what_to_do=(
            mark("Open the model's page, log in, and accept its licence."),
            mark("Enter your token in Settings, under Downloads."),
        ),
        tried=mark("Open files are asked for without a token too."),
    ),
    ErrorHelp(
        number=2005,
        title=mark("The model was moved or removed at the source"),
        cause=mark("The address answers that there is no such model, revision or file any more."),
        what_to_do=(
            mark("Look for the model under another name, and add that on the page Models."),
            mark("If you have its files, use them with Use files I already have."),
        ),
        tried=mark("A download that was begun stays with the revision it began with, and keeps what it has."),
    ),
    ErrorHelp(
        number=2006,
        title=mark("The connection is blocked"),
        cause=mark("A proxy, a firewall, or a certificate that is not trusted stands between this PC and the server."),
        what_to_do=(
            mark("Look at the proxy in Settings, under Downloads."),
            mark("Allow the program in the firewall, or ask whoever looks after the network; Copy report helps them."),
        ),
        tried=mark("It uses the system's proxy and the system's certificates."),
    ),
    ErrorHelp(
        number=2007,
        title=mark("The server cannot be reached"),
        cause=mark("There is no connection to the internet, or the server is out of order."),
        what_to_do=(
            mark("Look whether other pages open. If they do, wait and try again later."),
            mark("Everything that is on this PC can be used without the internet."),
        ),
        tried=mark("It asks again several times, and uses what the server said before where that is enough."),
    ),
    ErrorHelp(
        number=2101,
        title=mark("Model files are missing"),
        cause=mark("Files of the model were moved or deleted, or its download was never finished."),
        what_to_do=(
            mark("Press Repair on the page Models: only what is missing is fetched."),
            mark("If you moved the files, put them back, or add their folder again."),
        ),
        tried=mark("Files with the same content elsewhere on this PC are used where they are known."),
    ),
    ErrorHelp(
        number=2102,
        title=mark("This is not a Wan model"),
        cause=mark("The folder or file holds something else, or a kind of model that the program does not know."),
        what_to_do=(
            mark("Choose the folder that holds model_index.json, or a GGUF file of a Wan model."),
            mark("Or get the model from the page Models."),
        ),
        tried=mark("It reads the headers and names of all files before it says so."),
    ),
    ErrorHelp(
        number=2103,
        title=mark("Unsafe file format"),
        cause=mark(
            "Files such as .pt, .pth, .bin and .ckpt can contain program code that would run when they are read."
        ),
        what_to_do=(
            mark("Use the model's safetensors or GGUF files instead."),
            mark("Get the model from the page Models, which offers safe formats only."),
        ),
        tried=mark("It looks for safe files of the same model in the folder; unsafe ones are never opened."),
    ),
    ErrorHelp(
        number=2104,
        title=mark("The model drive is not connected"),
        cause=mark("The drive that holds the model is unplugged, asleep, or has another letter now."),
        what_to_do=(
            mark("Connect the drive and press Look again."),
            mark("If its place has changed, set the model folder in Settings."),
        ),
        tried=mark("It looks again at each start and at each look; the model is not forgotten."),
    ),
    ErrorHelp(
        number=2105,
        title=mark("The model's files are damaged"),
        cause=mark("The content of a file is not what it was when it was proven. Drives and power cuts do that."),
        what_to_do=(
            mark("Press Repair on the page Models: only the damaged pieces are fetched."),
            mark("If it happens again on the same drive, copy what matters from it and replace it."),
        ),
        tried=mark("Damaged pieces are found to the megabyte; everything that is good is kept."),
    ),
    ErrorHelp(
        number=2106,
        title=mark("This model is not on this PC"),
        cause=mark("There is no model of that name, or no folder at that place."),
        what_to_do=(
            mark("Download it on the page Models, or choose another model."),
            mark("On the command line, models list shows the names."),
        ),
        tried=mark("It looks in all model folders that the settings name."),
    ),
    ErrorHelp(
        number=2107,
        title=mark("The model is in use"),
        cause=mark("The model is being downloaded, checked, repaired or rendered with, here or in another window."),
        what_to_do=(mark("Wait until that is done, or stop it, and try again."),),
        tried=mark("Nothing: two of these at once could damage the model."),
    ),
    ErrorHelp(
        number=2108,
        title=mark("The model's file list is damaged"),
        cause=mark("The list that says which files the model has, and their checksums, cannot be read."),
        what_to_do=(
            mark("Press Repair on the page Models: the list is made anew from what the source says."),
            mark("Or remove the model and download it again."),
        ),
        tried=mark("The model's files are left alone; only the list is in doubt."),
    ),
    ErrorHelp(
        number=2109,
        title=mark("The repository holds an unsafe file name"),
        cause=mark("A file there has a name that could overwrite other files, or that Windows cannot store."),
        what_to_do=(mark("Use another repository of this model, best its maker's own."),),
        tried=mark("Nothing of that repository is downloaded."),
    ),
    ErrorHelp(
        number=2110,
        title=mark("The drive reports a fault"),
        cause=mark("The drive says that it cannot read or write a place. Drives that begin to fail do that."),
        what_to_do=(
            mark("Copy what matters from the drive now."),
            mark("Let the system check it: its properties, Tools, Check."),
            mark("Put the models on another drive, and repair them there."),
        ),
        tried=mark("Reading is tried again; what can be read is kept."),
    ),
    ErrorHelp(
        number=2111,
        title=mark("The model would have to be copied"),
        cause=mark(
            "Its files lie on another drive than the model folder, so they cannot be used without a second copy."
        ),
        what_to_do=(
            mark("Allow the copy; the message says how large it is."),
            mark("Or add a model folder on the drive where the files are; then nothing is copied."),
        ),
        tried=mark("On the same drive the files are linked, which takes no space."),
    ),
)

_MAKING = (
    ErrorHelp(
        number=3001,
        title=mark("Not enough memory"),
        cause=mark(
            "The video needs more video memory or memory than is free. Large sizes and long videos need most, other "
            "programs hold some."
        ),
        what_to_do=(
            mark("Make it smaller or shorter: the buttons of the message say how much that saves."),
            mark("Close other programs that use the graphics card."),
            mark("Choose a smaller variant of the model."),
        ),
        tried=mark(
            "It frees memory, makes the pictures in tiles, keeps the text encoder in normal memory, loads the model "
            "piece by piece. The size, length and prompt that you asked for are never changed."
        ),
    ),
    ErrorHelp(
        number=3002,
        title=mark("Your PC ran out of memory"),
        cause=mark("The model needs more normal memory than is free, and the page file is small or full."),
        what_to_do=(
            mark("Close other programs, browsers above all."),
            mark("Let Windows manage the page file: This PC has a button for it."),
            mark("Choose a smaller variant of the model."),
        ),
        tried=mark("It loads the model in parts, and lets go of the text encoder when the prompt is read."),
    ),
    ErrorHelp(
        number=3003,
        title=mark("Rendering is much slower than expected"),
        cause=mark(
            "The card borrows normal memory because its own is full, is too hot, or the laptop runs on its battery."
        ),
        what_to_do=(
            mark("Close other programs that use the card, and plug in the power supply."),
            mark("Stop it, and choose Save memory in Settings, under Performance."),
        ),
        tried=mark("It plans each video with room to spare, and says when it is slower than expected."),
    ),
    ErrorHelp(
        number=3004,
        title=mark("The picture turned black or broken"),
        cause=mark("Numbers became too large for the format that the card computes in."),
        what_to_do=(
            mark("Try it again with another seed."),
            mark("Choose another variant of the model, or a lower guidance."),
            mark("If it happens with every video, install the newest driver."),
        ),
        tried=mark("The pictures are made again with more exact numbers before it is said."),
    ),
    ErrorHelp(
        number=3005,
        title=mark("The render engine stopped"),
        cause=mark(
            "The process that computes has ended: a driver fault, too little memory, or another program ended it."
        ),
        what_to_do=(
            mark("Press Try again. The prompt and all settings are kept."),
            mark("If it happens again, restart the PC, and install the newest driver."),
            mark("A virus scanner may have ended it: allow the program there."),
            mark("Copy report shows what the engine said last."),
        ),
        tried=mark("The engine is started again by itself, unless it ended three times within a minute."),
    ),
    ErrorHelp(
        number=3006,
        title=mark("The graphics card was reset by Windows"),
        cause=mark(
            "One step took longer than Windows allows, or the card is unstable, and Windows restarted its driver."
        ),
        what_to_do=(
            mark("Make the video smaller or shorter."),
            mark("Take back overclocking, and install the newest driver."),
        ),
        tried=mark("The engine is started again; the window and the queue go on."),
    ),
    ErrorHelp(
        number=3007,
        title=mark("Stopped"),
        cause=mark("You stopped it, or pressed Ctrl+C on the command line."),
        what_to_do=(mark("Start it again when you like. All settings are kept."),),
        tried=mark("What had been finished before stays; half a video is not kept."),
    ),
)

_SAVING = (
    ErrorHelp(
        number=4001,
        title=mark("Not enough space to save the video"),
        cause=mark("The drive of the videos folder is full."),
        what_to_do=(
            mark("Free up space, and press Try again: what was computed is kept, so it takes seconds."),
            mark("Or choose another folder for videos in Settings."),
        ),
        tried=mark("It saves the video in the program's own folder if there is space, and says where."),
    ),
    ErrorHelp(
        number=4002,
        title=mark("The video could not be saved"),
        cause=mark("The folder cannot be written: it is protected, gone, or Windows' ransomware protection blocks it."),
        what_to_do=(
            mark("Choose another folder for videos in Settings."),
            mark("Or allow the program: Windows Security, Ransomware protection, Allow an app."),
        ),
        tried=mark("What was computed is kept, and the video goes to the program's own folder if that can be written."),
    ),
    ErrorHelp(
        number=4003,
        title=mark("This video cannot be read"),
        cause=mark("The file is damaged, or was made by another program in a format that is not known here."),
        what_to_do=(
            mark("Open it in another player."),
            mark("If it was made here, make it again: its settings may still be in the library."),
        ),
        tried=mark("It is decoded without the graphics card; what can be read is shown."),
    ),
    ErrorHelp(
        number=4004,
        title=mark("Not enough space to save the queue"),
        cause=mark("The drive of the program's folder is full, so changes of the queue would be lost."),
        what_to_do=(mark("Free up some megabytes on that drive, and try again."),),
        tried=mark("The queue stays as it was before the change; nothing in it is lost."),
    ),
    ErrorHelp(
        number=4005,
        title=mark("The video is not where it was"),
        cause=mark("The file was moved, renamed or deleted outside the program, or its drive is not connected."),
        what_to_do=(
            mark("Connect the drive, or press Find and show where the file is now."),
            mark("Or remove the entry from the library."),
        ),
        tried=mark("The entry and its settings stay until you remove them."),
    ),
    ErrorHelp(
        number=4006,
        title=mark("The list of videos cannot be used"),
        cause=mark("The library's file can be neither read nor written: the drive is full, or something blocks it."),
        what_to_do=(
            mark("Free some space, and allow the program to write in its folder."),
            mark("The videos themselves are not touched."),
        ),
        tried=mark("Writing is tried again for some seconds, because virus scanners hold files for a moment."),
    ),
    ErrorHelp(
        number=4007,
        title=mark("The list of videos was damaged"),
        cause=mark("The library's file was damaged, by a power cut or a fault of the drive."),
        what_to_do=(mark("Nothing: the list is made anew from the videos. Favourites and tags are kept beside it."),),
        tried=_DAMAGED_IS_KEPT,
    ),
)

_ASKED = (
    ErrorHelp(
        number=5001,
        title=mark("The prompt is empty"),
        cause=mark("There is nothing to make: the model needs words."),
        what_to_do=(mark("Write what should happen in the video, or take one of the examples."),),
        tried=_NOTHING_TRIED,
    ),
    ErrorHelp(
        number=5002,
        title=mark("The size was adjusted"),
        cause=mark(
            "Models make only sizes and lengths of certain steps, such as multiples of 16 pixels and 4k+1 frames."
        ),
        what_to_do=(mark("Nothing. If you want another size, choose the next one below or above."),),
        tried=mark("It takes the nearest size and length that the model can make, and says so."),
    ),
    ErrorHelp(
        number=5003,
        title=mark("This picture cannot be read"),
        cause=mark("The file is damaged, gone, or of a kind that is not known, such as HEIC."),
        what_to_do=(
            mark("Open it in another program and save it as PNG or JPEG."),
            mark("Or choose another picture."),
        ),
        tried=mark("The content is looked at, not the ending of the name."),
    ),
    ErrorHelp(
        number=5004,
        title=mark("The picture is too small or too large"),
        cause=mark("A start image needs enough pixels to be of use, and not so many that they fill the memory."),
        what_to_do=(mark("Choose another picture, or change its size in another program."),),
        tried=mark("Pictures of any usual size are scaled and cropped to the video's shape."),
    ),
    ErrorHelp(
        number=5005,
        title=mark("This model cannot do that"),
        cause=mark("What was asked for does not go with the model: a mode, a size or an image that it does not take."),
        what_to_do=(
            mark("Change what the message names."),
            mark("Or choose another model: the page Models says what each can do."),
        ),
        tried=mark("What can be adjusted without changing your wish is adjusted, and told."),
    ),
    ErrorHelp(
        number=5006,
        title=mark("This entry cannot be used"),
        cause=mark("Something that was typed in is no value for what it is meant for."),
        what_to_do=(mark("Correct what the message names; it says which values are possible."),),
        tried=mark("Nothing is changed before the entry is right."),
    ),
    ErrorHelp(
        number=5007,
        title=mark("This file does not describe a PC"),
        cause=mark("The file after --hardware is not what hardware --json prints, or was changed."),
        what_to_do=(mark("Make it anew on that PC: python main.py hardware --json > pc.json"),),
        tried=mark("Each number in it is checked, so that no estimate is made from rubbish."),
    ),
    ErrorHelp(
        number=5008,
        title=mark("This file holds no settings of a video"),
        cause=mark(
            "The video or picture was not made by this program, another program removed its settings, or they were not "
            "written because Settings say so."
        ),
        what_to_do=(
            mark("Choose the file as it was saved; videos sent through messengers often lose their settings."),
        ),
        tried=mark("It looks into the file, and for a file of the same name with the settings beside it."),
    ),
)

_PROGRAM = (
    ErrorHelp(
        number=6001,
        title=mark("Part of the program is missing"),
        cause=mark("A file of the program was deleted or changed, often by a virus scanner, or its entry is damaged."),
        what_to_do=(
            mark("Install the program again over the old one. Models, videos and settings stay."),
            mark("If it is an entry that you added, remove it on the page Models and add it again."),
            mark("If it happens again, allow the program's folder in the virus scanner."),
        ),
        tried=mark("What does not need that part goes on working."),
    ),
    ErrorHelp(
        number=6002,
        title=mark("Settings could not be saved"),
        cause=mark("The settings' file is damaged, or cannot be written because the drive is full or it is protected."),
        what_to_do=(
            mark("Free some space, and allow the program to write in its folder."),
            mark("Look through Settings: values that could not be read have their defaults."),
        ),
        tried=mark("A damaged file is replaced by its backup, then by the defaults; the damaged one is kept."),
    ),
    ErrorHelp(
        number=6003,
        title=mark("The program did not close properly"),
        cause=mark(
            "The program or the PC ended while a video was being made, perhaps more than once at the same video."
        ),
        what_to_do=(
            mark("Look at the queue: nothing starts by itself. Press Continue, or look first."),
            mark("If the same video ends the program again, make it smaller, and copy a report."),
        ),
        tried=mark(
            "Queue, form and downloads are as they were; a video that ended the program twice waits for you. After "
            "three starts that ended badly the window opens in safe mode."
        ),
    ),
    ErrorHelp(
        number=6004,
        title=mark("Another program blocks a file"),
        cause=mark("A virus scanner, a backup, or another window holds the file open, or a permission is missing."),
        what_to_do=(
            mark("Wait a moment and try again."),
            mark("Allow the program's folder in the virus scanner."),
            mark("Close other programs that may have the file open."),
        ),
        tried=mark("It tries again five times with growing pauses."),
    ),
    ErrorHelp(
        number=6005,
        title=mark("Something unexpected happened"),
        cause=mark("A fault of the program that nobody has foreseen."),
        what_to_do=(
            mark("Try it again."),
            mark("If it happens again, copy a report and send it to whoever looks after the program."),
        ),
        tried=mark("The rest of the program goes on; the log has the details."),
    ),
    ErrorHelp(
        number=6007,
        title=mark("The program's folder cannot be written"),
        cause=mark("Settings, log and unfinished work have their place there. It is protected, or its drive is full."),
        what_to_do=(
            mark("Allow the program to write there, or free some space."),
            mark("Or set WAN_DESKTOP_HOME to a folder that can be written."),
        ),
        tried=mark("Nothing: the program has no other place that it could take without asking."),
    ),
    ErrorHelp(
        number=6008,
        title=mark("The model folder cannot be written"),
        cause=mark("The folder of models is protected, on a drive that only reads, or blocked by another program."),
        what_to_do=(
            mark("Allow the program to write there, or choose another model folder in Settings."),
            mark("Models that are there already can still be used."),
        ),
        tried=mark("Writing is tried again with pauses, because virus scanners hold fresh files for a moment."),
    ),
    ErrorHelp(
        number=6009,
        title=mark("The queue cannot be used"),
        cause=mark("The queue's file can be neither read nor written, or was made by a newer version of the program."),
        what_to_do=(
            mark("Free some space, and allow the program to write in its folder."),
            mark("If you went back to an older version, install the newer one again."),
        ),
        tried=mark("The file is left as it is, so that nothing in it is lost."),
    ),
    ErrorHelp(
        number=6010,
        title=mark("The queue is open in another window"),
        cause=mark("Another window of this program, or the command line, has the queue."),
        what_to_do=(mark("Close the other window, or go on there."),),
        tried=mark("Nothing: two windows must not make the same videos."),
    ),
    ErrorHelp(
        number=6011,
        title=mark("The queue was damaged"),
        cause=mark("The queue's file was damaged, by a power cut or a fault of the drive."),
        what_to_do=(mark("Look through the queue: some of what waited may be missing, and has to be added again."),),
        tried=_DAMAGED_IS_KEPT,
    ),
    ErrorHelp(
        number=6012,
        title=mark("The program is open already"),
        cause=mark("Another window of the program has its folder, and does not answer."),
        what_to_do=(
            mark("Look for its icon in the taskbar and beside the clock."),
            mark("If there is none, end Wan Desktop in the Task Manager, or restart the PC."),
        ),
        tried=mark("It asks the other window to come to the front, and waits for its answer."),
    ),
    ErrorHelp(
        number=6013,
        title=mark("The report could not be saved"),
        cause=mark("The place that was chosen cannot be written, or its drive is full."),
        what_to_do=(
            mark("Choose another folder, the desktop for example."),
            mark("Or use Copy report, which needs no file."),
        ),
        tried=mark("A file of that name is replaced only when the new one is whole."),
    ),
    ErrorHelp(
        number=6020,
        title=mark("The update was refused"),
        cause=mark(
            "Updates are signed. What arrived was not, was older than what arrived before, or was changed on its way."
        ),
        what_to_do=(
            mark("Look at the date and time of this PC: a wrong clock lets good answers look out of date."),
            mark("Try again in another network."),
            mark("If it stays so, download the program by hand from its page."),
        ),
        tried=mark("Nothing that was refused is kept, and the program stays as it is."),
    ),
    ErrorHelp(
        number=6021,
        title=mark("Updates cannot be looked for"),
        cause=mark("The server of updates cannot be reached, hangs, or refuses to answer."),
        what_to_do=(
            mark("Check the internet connection, and the proxy in the settings."),
            mark("Try again later: the program works without it."),
        ),
        tried=mark("What has arrived of a setup file is kept, and the next try goes on from there."),
    ),
    ErrorHelp(
        number=6022,
        title=mark("The update could not be started"),
        cause=mark(
            "The setup of the new version was downloaded and is the one that was signed, but the system does not start "
            "it: a virus scanner holds it, or this PC does not allow new programs."
        ),
        what_to_do=(
            mark("Allow the setup in the virus scanner, then try again."),
            mark("Or start it by hand: the message names its folder."),
        ),
        tried=mark("Nothing was changed: this version goes on."),
    ),
)

ENTRIES = tuple(
    sorted(
        (*_THIS_PC, *_DOWNLOADS, *_MAKING, *_SAVING, *_ASKED, *_PROGRAM, *RUNTIME_ENTRIES),
        key=lambda entry: entry.number,
    )
)
"""All of them, by number."""
