"""The parts of bench/input_fuzz.py."""
