"""`mnas table`: latency tables of whole search spaces, and searches that use them."""
