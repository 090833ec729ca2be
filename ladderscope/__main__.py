"""``python -m ladderscope``: the same as the console script."""

from ladderscope.cli import main

if __name__ == "__main__":
    main()
