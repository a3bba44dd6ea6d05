"""TFLite files: read in place, their precision, inputs and shapes."""
