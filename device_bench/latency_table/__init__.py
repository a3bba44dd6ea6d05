"""Latency tables: operators carved out and timed on a device, summed into the latency of any TFLite file."""
