"""Two or more runs compared: paired by problem, each against the first."""

from reports.comparison.data import Change, Compared, Side
from reports.comparison.document import compared
from reports.comparison.markdown import markdown
from reports.comparison.write import write

__all__ = ["Change", "Compared", "Side", "compared", "markdown", "write"]
