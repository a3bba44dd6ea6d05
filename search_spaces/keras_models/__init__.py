"""Keras models of any graph; importing this loads TensorFlow."""

from search_spaces.keras_models.build import as_if_trained, build_graph, build_model
from search_spaces.keras_models.in_training import build_in_training

__all__ = ["as_if_trained", "build_graph", "build_in_training", "build_model"]
