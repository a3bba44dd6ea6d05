"""`mnas bench`: models by devices by settings, and the table of results."""
