"""Classifies images by MediaPipe Tasks; started by the Python of `.venv-mediapipe`, once for many files.

Usage: classify.py FOLDER, with files `*.tflite` and `pixels.npy`, uint8 [images, height, width, 3]. Prints as JSON, for
each file, a list of [class, label, score] per image, best first, or the words with which the file was refused.
"""

import json
import sys
from pathlib import Path

import numpy as np


def main(folder: Path) -> None:
    from mediapipe import Image, ImageFormat
    from mediapipe.tasks.python import BaseOptions
    from mediapipe.tasks.python.vision import ImageClassifier, ImageClassifierOptions

    images = [Image(image_format=ImageFormat.SRGB, data=pixels) for pixels in np.load(folder / "pixels.npy")]
    found = {}
    for path in sorted(folder.glob("*.tflite")):
        options = ImageClassifierOptions(base_options=BaseOptions(model_asset_path=str(path)))
        try:
            with ImageClassifier.create_from_options(options) as classifier:
                answers = [classifier.classify(image).classifications[0].categories for image in images]
            found[path.stem] = [[(one.index, one.category_name, one.score) for one in best] for best in answers]
        except (FileNotFoundError, RuntimeError, ValueError) as error:
            found[path.stem] = str(error)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
