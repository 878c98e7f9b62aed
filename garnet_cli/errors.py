"""The exception tree. The command line turns each into one line and an exit code.

GarnetError                      1  it failed
├── UsageError                   2  the command or its files are wrong; nothing was touched
│   └── InventoryError           2  every mistake of an inventory, in one report
├── RolledBackError              3  it failed and was undone
├── UnreachableError             4  a node or the store does not answer
│   └── HostKeyError             4  unknown or changed host key
├── HeldError                    5  inconclusive: nothing was decided, nothing was changed further
├── NodeError                    1  a step failed on a node that answers
│   └── LeaseHeldError           1  somebody else is changing the node
└── FleetError                   *  several nodes failed: the worst code of its parts
"""

from __future__ import annotations

from collections.abc import Sequence


class GarnetError(Exception):
    """An error for the user: what failed, on which node, and what to do."""

    exit_code = 1

    def __init__(self, message: str, *, node: str | None = None, remedy: str | None = None) -> None:
        """Keep the parts; ``str()`` joins them into the one line shown."""
        super().__init__(message)
        self.message = message
        self.node = node
        self.remedy = remedy

    def __str__(self) -> str:
        """Return ``node: message; remedy``."""
        line = f"{self.node}: {self.message}" if self.node else self.message
        return f"{line}; {self.remedy}" if self.remedy else line


class UsageError(GarnetError):
    """The command line or a file is wrong; nothing was touched."""

    exit_code = 2


class InventoryError(UsageError):
    """Every mistake found in an inventory."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        """Keep one line a mistake."""
        super().__init__("\n".join(mistakes))
        self.mistakes = list(mistakes)


class RolledBackError(GarnetError):
    """A change failed and was undone; the fleet serves as before."""

    exit_code = 3


class UnreachableError(GarnetError):
    """A node or the store does not answer."""

    exit_code = 4


class HostKeyError(UnreachableError):
    """A host key is unknown or has changed."""


class HeldError(GarnetError):
    """Not enough evidence to go on or back."""

    exit_code = 5


class NodeError(GarnetError):
    """A step failed on a node that answers."""

    def __init__(
        self, message: str, *, node: str | None = None, remedy: str | None = None, code: str = "failed"
    ) -> None:
        """Keep the agent's error ``code`` beside the message."""
        super().__init__(message, node=node, remedy=remedy)
        self.code = code


class LeaseHeldError(NodeError):
    """Another operator is changing this node."""


class FleetError(GarnetError):
    """Several nodes failed; each is named."""

    def __init__(self, errors: Sequence[GarnetError]) -> None:
        """Keep the errors; the exit code is the highest of theirs."""
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = list(errors)
        self.exit_code = max(error.exit_code for error in errors)
