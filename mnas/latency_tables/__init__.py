"""`mnas table`: networks of a space converted, timed and priced."""
