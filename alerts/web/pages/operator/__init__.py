"""The operator's pages: what needs a decision, the buttons that carry it out, and the numbers.

They exist only where an operator password is set. Owns what the pages show and what their buttons
do; what is done is recorded in the log of actions. Must not know how jobs are run.
"""

from alerts.web.pages.operator.pages import OperatorPages

__all__ = ["OperatorPages"]
