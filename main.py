"""`python main.py train | eval | submit`: the same commands as `carvanamask`."""

from carvanamask.cli.app import main

if __name__ == "__main__":
    main()
