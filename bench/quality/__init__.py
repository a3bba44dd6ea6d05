"""The parts of bench/controller_quality.py."""
