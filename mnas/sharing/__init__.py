"""One training for all networks of a space: shared weights, and what they are worth."""
