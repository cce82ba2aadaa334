"""`python -m dfcli` is the `dfcli` command."""

import sys

from dfcli.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
