"""Run the emulated org: ``python -m syncd.sandbox``."""

import sys

from syncd.sandbox.cli import main

if __name__ == "__main__":
    sys.exit(main())
