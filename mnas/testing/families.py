"""What every family of networks promises of its TFLite files, beside what `search_spaces.testing` holds it to."""

from collections import Counter
from typing import get_args

import numpy as np
import pytest

from device_bench.conversion.convert import to_tflite
from device_bench.latency_table.signature import signatures as read
from search_spaces.catalog import Arch, lower
from search_spaces.graph import Shape
from search_spaces.keras_models import as_if_trained, build_model
from search_spaces.signatures import Precision, signatures
from search_spaces.testing import FamilyTestCase


class FamilyFilesTestCase(FamilyTestCase):
    """All that `FamilyTestCase` holds a family to, and what its converted files are: use one of the two."""

    in_order = False
    """Whether a file lists the operators in the order of the graph, as it does where no two branches run beside each
    other for long; else only their number is compared."""

    @pytest.mark.parametrize("precision", get_args(Precision))
    def test_foreseen_signatures_are_those_of_the_file(
        self, arches: list[Arch], input_shape: Shape, classes: int, precision: Precision
    ) -> None:
        """Latency tables price a network before it is built, by the operators that its file will have.

        What a converter adds around joined maps in int8 is not foreseen, so such networks are left out there.
        """
        images = np.random.default_rng([input_shape[0], len(precision)]).random((4, *input_shape), np.float32)
        for arch in arches[:2]:
            joined = any(operator.kind == "concat" for operator in lower(arch, input_shape, classes).operators)
            if joined and precision == "int8":
                continue
            model = build_model(arch, input_shape, classes)
            as_if_trained(model)
            found, foreseen = (
                read(to_tflite(model, precision, images)),
                signatures(arch, input_shape, classes, precision),
            )
            assert Counter(found) == Counter(foreseen)
            assert found == foreseen or not self.in_order
