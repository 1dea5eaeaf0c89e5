"""Run the command line: ``python -m molsearch``."""

from molsearch.cli.main import main

if __name__ == "__main__":
    main()
