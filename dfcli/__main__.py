"""`python -m dfcli` is the `dfcli` command."""

from dfcli.cli.main import main

if __name__ == "__main__":
    main()
