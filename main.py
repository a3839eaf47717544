"""`python main.py train | eval | submit`: the same commands as `carvanamask`."""

from carvanamask.apps.cli import main

if __name__ == "__main__":
    main()
