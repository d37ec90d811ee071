"""The help texts of fields: what each does, and what to choose; for `field_help`."""

from wan_desktop.core.field_help_entry import FieldHelp
from wan_desktop.core.words import mark

_CREATE = (
    FieldHelp(
        field_id="create.mode",
        title=mark("What do you want to make?"),
        does=mark("Text to video makes everything from your words. Image to video sets a picture of yours in motion."),
        choose=mark("Begin with text. Take an image where the first picture has to look as you want it."),
    ),
    FieldHelp(
        field_id="create.model",
        title=mark("Model"),
        does=mark(
            "The part that makes the video. Models differ in what they can make, in how good it looks, and in "
            "time and memory."
        ),
        choose=mark("Take one that runs well on this PC. The last entry of the list leads to more models."),
    ),
    FieldHelp(
        field_id="create.image",
        title=mark("Start image"),
        does=mark(
            "The video begins with this picture. It is cut to the shape of the video; the bright frame shows "
            "what is used."
        ),
        choose=mark(
            "A sharp picture of at least 256 pixels a side, best as large as the video. Drop it, press Enter to "
            "choose a file, or paste it."
        ),
    ),
    FieldHelp(
        field_id="create.prompt",
        title=mark("Prompt"),
        does=mark(
            "What should happen in the video, in your words. The model reads the first 512 tokens, about 350 words."
        ),
        choose=mark(
            "Name the subject, what it does, the place, the light and how the camera moves. Whole sentences work "
            "best; Styles adds words for camera and light."
        ),
    ),
    FieldHelp(
        field_id="create.avoid",
        title=mark("What to avoid"),
        does=mark("Words for what should not be in the video. The model keeps away from them."),
        choose=mark(
            "What stands here at first suits nearly every video. Name things, without a not: write blur, text, "
            "extra fingers."
        ),
    ),
    FieldHelp(
        field_id="create.shape",
        title=mark("Shape"),
        does=mark("How wide the video is for its height."),
        choose=mark(
            "Wide for screens, tall for phones, square for both. With a start image, take the shape that is "
            "nearest to it."
        ),
    ),
    FieldHelp(
        field_id="create.size",
        title=mark("Size"),
        does=mark(
            "Width and height of the video in pixels. Twice as many pixels take more than twice the time, and "
            "more memory."
        ),
        choose=mark(
            "A size that fits, as the estimate above the button says. Try ideas out in the smallest, make the "
            "best one in the largest."
        ),
    ),
    FieldHelp(
        field_id="create.length",
        title=mark("Length"),
        does=mark("How long the video is. Time and memory grow with it."),
        choose=mark("Short while you try, then the full length. Arrow keys change it step by step."),
    ),
    FieldHelp(
        field_id="create.quality",
        title=mark("Quality"),
        does=mark(
            "In how many steps the video is made. More steps take longer in the same measure, and show finer details."
        ),
        choose=mark("Draft to see whether the idea works, Balanced for most videos, Best for the final one."),
    ),
    FieldHelp(
        field_id="create.count",
        title=mark("Number of videos"),
        does=mark("So many videos are made one after the other. They differ in their seeds only."),
        choose=mark("One; more if you want to pick the best of several."),
    ),
    FieldHelp(
        field_id="create.advanced",
        title=mark("Advanced settings"),
        does=mark("Settings that most people leave alone. Each has a good value for the model."),
        choose=mark("Open them to keep a seed, to give a size of your own, or to save memory for this video."),
    ),
    FieldHelp(
        field_id="create.steps",
        title=mark("Steps"),
        does=mark("In how many steps the video is made out of noise. The time grows in the same measure."),
        choose=mark("20 for a draft, 30 to 50 for a good video. Beyond that hardly anything changes."),
    ),
    FieldHelp(
        field_id="create.fps",
        title=mark("Pictures per second"),
        does=mark(
            "How fast the pictures follow each other. The number of pictures stays, so a higher value makes a "
            "shorter video."
        ),
        choose=mark("The model's own value: it learned motion at that speed."),
    ),
    FieldHelp(
        field_id="create.guidance",
        title=mark("Guidance"),
        does=mark(
            "How closely the video follows the prompt. Low values leave the model free, high ones look hard and "
            "over-coloured."
        ),
        choose=mark(
            "The model's own value. Raise it by 1 if the prompt is ignored, lower it by 1 if colours burn out."
        ),
    ),
    FieldHelp(
        field_id="create.guidance-2",
        title=mark("Guidance, second part"),
        does=mark("The same for the second half of the steps, in which the model's other expert draws the details."),
        choose=mark("The model's own value, or As the first."),
    ),
    FieldHelp(
        field_id="create.shift",
        title=mark("Shift"),
        does=mark(
            "How many of the steps are spent on the large motion, and how many on details. High values favour motion."
        ),
        choose=mark("The model's own. Small videos bear a lower value, large ones a higher."),
    ),
    FieldHelp(
        field_id="create.sampler",
        title=mark("Sampler"),
        does=mark(
            "The rule by which each step removes noise. Samplers differ in small things, and in how few steps "
            "they need."
        ),
        choose=mark("The model's own. Another one is worth a try if a video flickers."),
    ),
    FieldHelp(
        field_id="create.seed",
        title=mark("Seed"),
        does=mark("The number that the noise begins with. The same seed and settings make the same video."),
        choose=mark(
            "Leave it empty for something new each time. Keep one with the lock to change a prompt and see only "
            "that change."
        ),
    ),
    FieldHelp(
        field_id="create.custom-size",
        title=mark("Custom size"),
        does=mark("A size of your own in pixels. It snaps to what the model can make: multiples of 16 or 32."),
        choose=mark(
            "Stay near the model's own sizes in the number of pixels; far away from them pictures repeat or fall apart."
        ),
    ),
    FieldHelp(
        field_id="create.memory-mode",
        title=mark("Memory mode"),
        does=mark("How much memory this video may take. Less memory is slower; the video is the same."),
        choose=mark("As in Settings. Save video memory if other programs need the graphics card meanwhile."),
    ),
    FieldHelp(
        field_id="create.save-as",
        title=mark("Save as"),
        does=mark("How the mp4 file is written. High quality is larger, and looks like what the model made."),
        choose=mark("As in Settings. Standard where a small file matters more than fine details."),
    ),
    FieldHelp(
        field_id="create.frames",
        title=mark("Also save every frame as PNG"),
        does=mark("Puts a folder with all pictures beside the video, without any loss. They take much room."),
        choose=mark("On, if you edit the video in another program."),
    ),
    FieldHelp(
        field_id="create.generate",
        title=mark("Generate"),
        does=mark(
            "Makes what stands in the form. While a video is made, it is added to the queue instead. The box "
            "above says whether it fits this PC, and how long it takes."
        ),
        choose=mark(
            "If it is too big, take one of the offers. The small button beside it makes a draft or four "
            "versions, or keeps a preset."
        ),
    ),
)
_SETTINGS = (
    FieldHelp(
        field_id="settings.language",
        title=mark("Language"),
        does=mark("The language of all texts of the program. Prompts can be in any language, whatever stands here."),
        choose=mark("System follows your Windows. A change counts from the next start on."),
    ),
    FieldHelp(
        field_id="settings.theme",
        title=mark("Theme"),
        does=mark("Whether the window is light or dark."),
        choose=mark("System changes with your system, by day and night if it is set so."),
    ),
    FieldHelp(
        field_id="settings.text_scale",
        title=mark("Text size"),
        does=mark("Makes all texts, buttons and icons smaller or larger, at once."),
        choose=mark("100 % suits most screens. Larger text needs a larger window for everything to be seen."),
    ),
    FieldHelp(
        field_id="settings.start_page",
        title=mark("Start page"),
        does=mark("Which page the window shows when the program starts."),
        choose=mark("Create to begin at once; Queue if videos are made over night."),
    ),
    FieldHelp(
        field_id="settings.videos_folder",
        title=mark("Videos"),
        does=mark("The folder where new videos go. The Library finds videos in it, also those of earlier folders."),
        choose=mark(
            "A drive with room: a video takes a few megabytes, with all its frames far more. Better no folder "
            "that is kept in step with the internet."
        ),
    ),
    FieldHelp(
        field_id="settings.model_folders",
        title=mark("Models"),
        does=mark("Folders in which models lie. New ones go to the first; models of all of them can be used."),
        choose=mark("A fast SSD with 60 GB or more free. From a hard disk, loading takes minutes."),
    ),
    FieldHelp(
        field_id="settings.download_limit_bytes_per_s",
        title=mark("Download limit"),
        does=mark("How many megabytes a second downloads may take at most."),
        choose=mark("No limit, unless others use the same line. 5 MB/s leaves room for video calls on most lines."),
    ),
    FieldHelp(
        field_id="settings.pause_while_rendering",
        title=mark("Pause while rendering"),
        does=mark("Downloads wait while a video is made. They go on by themselves afterwards."),
        choose=mark("On, if videos become slower while something is downloaded to the same drive."),
    ),
    FieldHelp(
        field_id="settings.endpoint",
        title=mark("Mirror"),
        does=mark("Another address for the Hugging Face Hub, from which models are downloaded."),
        choose=mark("Leave it empty, unless your network cannot reach the Hub and you know a mirror you trust."),
    ),
    FieldHelp(
        field_id="settings.proxy",
        title=mark("Proxy"),
        does=mark("A server through which this PC reaches the internet."),
        choose=mark(
            "Leave it empty to use the system's. Ask your IT for the address if downloads say that the "
            "connection is blocked."
        ),
    ),
    FieldHelp(
        field_id="settings.package_index",
        title=mark("Package index"),
        does=mark("The server from which the parts of the render engine are downloaded when it is installed."),
        choose=mark(
            "Leave it empty, unless your network has a mirror of PyPI. Only files that the program knows count."
        ),
    ),
    FieldHelp(
        field_id="settings.torch_index",
        title=mark("PyTorch index"),
        does=mark("The server of the render engine's largest part, which is made for your graphics card."),
        choose=mark("Leave it empty, unless your network has a mirror of download.pytorch.org."),
    ),
    FieldHelp(
        field_id="settings.update_check",
        title=mark("Look for updates"),
        does=mark("Once a day, while nothing else goes on, the program asks whether there is a newer one."),
        choose=mark(
            "On, if this PC has internet. Nothing about you is sent, and nothing is installed without your word."
        ),
    ),
    FieldHelp(
        field_id="settings.token",
        title=mark("Access token"),
        does=mark(
            "A key from your Hugging Face account, for models behind a licence. It stays in the system's keyring."
        ),
        choose=mark("Only if a model asks for it. Make one of the kind Read, and paste it here."),
    ),
    FieldHelp(
        field_id="settings.gpu_uuid",
        title=mark("Graphics card"),
        does=mark("On which graphics card videos are made."),
        choose=mark(
            "Automatic takes the one with the most free memory. Choose one if another is to stay free for your work."
        ),
    ),
    FieldHelp(
        field_id="settings.memory_mode",
        title=mark("Memory mode"),
        does=mark("How much memory videos may take. With less memory they are the same, and take longer."),
        choose=mark(
            "Automatic takes the fastest way that fits. Save memory if other programs need the card at the same time."
        ),
    ),
    FieldHelp(
        field_id="settings.may_use_smaller_variant",
        title=mark("Smaller weights when memory is short"),
        does=mark(
            "If a model does not fit, its smaller weights on this PC are used without asking. The video may look "
            "a little different."
        ),
        choose=mark("Off, if you want to decide yourself. On for queues that run over night."),
    ),
    FieldHelp(
        field_id="settings.may_use_other_model",
        title=mark("Another model when memory is short"),
        does=mark("If nothing of a model fits, another one on this PC makes the video without asking."),
        choose=mark("Off for most: another model makes another video. You are told whenever it happens."),
    ),
    FieldHelp(
        field_id="settings.attention",
        title=mark("Attention"),
        does=mark(
            "Which way of computing takes the model's largest part. The ways give the same video at different speeds."
        ),
        choose=mark("Automatic. After a speed test, those that were found right can be chosen."),
    ),
    FieldHelp(
        field_id="settings.live_preview",
        title=mark("Live preview"),
        does=mark("Shows small pictures of the video while it is made."),
        choose=mark("On: a video that goes wrong can be stopped early. It costs a little time."),
    ),
    FieldHelp(
        field_id="settings.name_pattern",
        title=mark("File name"),
        does=mark("How the files of new videos are named. {date}, {time} and {prompt} are filled in."),
        choose=mark(
            "Keep date and time, so that files stand in their order. Leave {prompt} out if file names are to "
            "tell nothing."
        ),
    ),
    FieldHelp(
        field_id="settings.video_quality",
        title=mark("Video quality"),
        does=mark("How much of the pictures the mp4 keeps."),
        choose=mark("High, unless the files have to be small."),
    ),
    FieldHelp(
        field_id="settings.save_png_frames",
        title=mark("Keep all frames"),
        does=mark("Beside each video, a folder with its pictures as PNG, without any loss."),
        choose=mark("Off, unless you edit videos in another program: they take far more room than the video."),
    ),
    FieldHelp(
        field_id="settings.notify_done",
        title=mark("Videos are done"),
        does=mark("The system tells you when your videos are made, while the window is not in front."),
        choose=mark("On, if you do something else meanwhile."),
    ),
    FieldHelp(
        field_id="settings.notify_problems",
        title=mark("A video needs you"),
        does=mark("The system tells you when a video could not be made and waits for your decision."),
        choose=mark("On: the rest of the queue goes on, but this one does not by itself."),
    ),
    FieldHelp(
        field_id="settings.notify_downloads",
        title=mark("Downloads"),
        does=mark("The system tells you when a model is ready, or its download needs you."),
        choose=mark("On: models are large, and take a while."),
    ),
    FieldHelp(
        field_id="settings.notify_with_sound",
        title=mark("With a sound"),
        does=mark("Each of these messages makes the system's sound, too."),
        choose=mark("Off, unless you leave the room while videos are made."),
    ),
    FieldHelp(
        field_id="settings.write_recipes_into_files",
        title=mark("Settings inside videos"),
        does=mark("Puts prompt and settings into the video file, so that any copy of it can be made again."),
        choose=mark(
            "Off, if you give videos away and the prompt is nobody's business. It is kept in a file beside the "
            "video then."
        ),
    ),
    FieldHelp(
        field_id="settings.log_level",
        title=mark("Log"),
        does=mark("How much the program writes down about its work. Prompts are never among it."),
        choose=mark("Usual. Detailed while you look for a fault together with somebody."),
    ),
    FieldHelp(
        field_id="settings.learned_limits",
        title=mark("Learned limits"),
        does=mark("What renders on this PC have shown about time and memory. Forgetting it lets estimates begin anew."),
        choose=mark("Forget it after a new graphics card or more memory, or if estimates are far off."),
    ),
    FieldHelp(
        field_id="settings.reset_all",
        title=mark("Reset all"),
        does=mark(
            "Puts everything on this page back to how it was at first. Models, videos and the access token stay."
        ),
        choose=mark("If something behaves strangely and you do not know which change did it. You are asked first."),
    ),
)
_WIZARD = (
    FieldHelp(
        field_id="wizard.welcome",
        title=mark("Welcome"),
        does=mark(
            "The program looks whether it is complete, may write to its folder, and whether its render engine starts."
        ),
        choose=mark("Go on when all three are good. If not, the line says what to do."),
    ),
    FieldHelp(
        field_id="wizard.language",
        title=mark("Language"),
        does=mark("The language of all texts of the program. Prompts can be in any language, whatever stands here."),
        choose=mark("Yours. A change counts from the next start on, and can be made in Settings at any time."),
    ),
    FieldHelp(
        field_id="wizard.your-pc",
        title=mark("Your PC"),
        does=mark(
            "What the program found out about this PC, and what it means for videos. Nothing of it is sent anywhere."
        ),
        choose=mark("A yellow or red line says what would help; everything else can stay as it is."),
    ),
    FieldHelp(
        field_id="wizard.models-folder",
        title=mark("Where to store models"),
        does=mark("The drive where models go. Each model takes 5 to 60 GB."),
        choose=mark(
            "The fastest drive with 60 GB or more free; it is chosen already. Model files that are here can be "
            "used where they are."
        ),
    ),
    FieldHelp(
        field_id="wizard.videos-folder",
        title=mark("Videos go to"),
        does=mark("The folder where new videos go."),
        choose=mark("Your videos folder, unless its drive is nearly full."),
    ),
    FieldHelp(
        field_id="wizard.speed-test",
        title=mark("Speed test"),
        does=mark("Measures graphics card, memory and drive for about 15 seconds, so that estimates fit this PC."),
        choose=mark("Run it, with other programs that use the graphics card closed. Skipped, times come from tables."),
    ),
    FieldHelp(
        field_id="wizard.first-model",
        title=mark("Your first model"),
        does=mark("The part that makes the video. It is downloaded in the background, while you go on."),
        choose=mark("The first of the list suits this PC best. Skip it to try the small built-in one."),
    ),
    FieldHelp(
        field_id="wizard.ready",
        title=mark("Ready"),
        does=mark("What was decided. Change leads back to the step that decides it."),
        choose=mark("Finish. Everything can be changed later in Settings and on the page This PC."),
    ),
    FieldHelp(
        field_id="wizard.test-video",
        title=mark("Make a short test video now"),
        does=mark("Makes a small video as soon as the setup ends, to show that all works."),
        choose=mark("On: it is a small one, and can be stopped."),
    ),
)
ENTRIES = (*_CREATE, *_SETTINGS, *_WIZARD)
