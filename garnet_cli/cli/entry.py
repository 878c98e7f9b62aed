"""The command as it is installed: quiet when Ctrl-C comes while the rest is still being imported."""

from __future__ import annotations

import sys


def main() -> None:
    """Run `garnet`."""
    try:
        from garnet_cli.cli import main as command  # noqa: PLC0415 -- what takes time is inside the try

        command.main()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing was begun\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
