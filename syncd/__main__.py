"""How does a command begin, so that Ctrl-C is no traceback even while syncd is being loaded?"""

from __future__ import annotations

import sys


def main() -> None:
    """Load the command line and run it. Exits 130 when interrupted."""
    try:
        from syncd.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
