"""Does a plate follow its camera (`check`), and how is it made to (`locking`)?"""

from .matching import Match, check

__all__ = ["Match", "check"]
