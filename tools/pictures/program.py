"""All acts, in the order of the window's pages."""

from tools.pictures import create, help, installed, library, models, queue, settings, this_pc, window, wizard  # noqa: A004

ACTS = (
    *wizard.ACTS,
    *create.ACTS,
    *queue.ACTS,
    *library.ACTS,
    *models.ACTS,
    *this_pc.ACTS,
    *settings.ACTS,
    *help.ACTS,
    *installed.ACTS,
    *window.ACTS,
)
