"""Lets ctrl-C reach the programs under test: a job in the background starts with it ignored, its children too."""

import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
