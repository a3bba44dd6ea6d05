"""Keras models of any graph; importing this loads TensorFlow."""

from search_spaces.keras_models.build import as_if_trained, build_graph, build_model

__all__ = ["as_if_trained", "build_graph", "build_model"]
