"""A small network with a fault that quantization cannot take."""

import numpy as np
import tf_keras

SHAPE = (12, 12, 3)
_FILTERS = 16


def faulty_network(blown_up=1.0, shifted=0.1):
    """Stem, depthwise, pointwise, classifier; one channel of the depthwise is as many times too large as asked for.

    The pointwise convolution takes it back, so that the float network is the same. In the other channels of the
    depthwise most weights are `shifted`, which rounds to the same side everywhere.
    """
    layers, rng = tf_keras.layers, np.random.default_rng(0)
    tf_keras.utils.set_random_seed(0)
    image = tf_keras.Input(SHAPE)
    features = layers.Conv2D(_FILTERS, 3, activation="relu", name="stem")(image)
    features = layers.DepthwiseConv2D(3, name="depthwise")(features)
    features = layers.Conv2D(_FILTERS, 1, activation="relu", name="block1.layer1.project")(features)
    scores = layers.Dense(5, name="classifier")(layers.GlobalAveragePooling2D()(features))
    model = tf_keras.Model(image, scores, name="network")
    kernel = rng.normal(size=(3, 3, _FILTERS, 1)).astype(np.float32)
    kernel[..., 1:, 0] = np.where(rng.random((3, 3, _FILTERS - 1)) < 0.2, kernel[..., 1:, 0], shifted)
    kernel[..., 0, 0] *= blown_up
    model.get_layer("depthwise").set_weights([kernel, np.zeros(_FILTERS, np.float32)])
    kernel, bias = model.get_layer("block1.layer1.project").get_weights()
    kernel[:, :, 0] /= blown_up
    model.get_layer("block1.layer1.project").set_weights([kernel, bias])
    return model
