from .choice import progress_display
from .notebook import in_notebook, notebook_display
from .terminal import terminal_display

__all__ = ["in_notebook", "notebook_display", "progress_display", "terminal_display"]
