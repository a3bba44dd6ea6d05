"""`python -m mnas` is the command `mnas`."""

from mnas.main import main

if __name__ == "__main__":
    main()
