"""`python -m carvanamask`: the same as the command `carvanamask`."""

from carvanamask.cli.app import main

if __name__ == "__main__":
    main()
