"""Architecture -> Keras model. The only part of this package that imports TensorFlow."""

from search_spaces.keras_models.build import build_model

__all__ = ["build_model"]
