"""The tools that time a model on a device, and what they print."""
