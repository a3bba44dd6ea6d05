"""What every family of networks promises."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from inspect import getdoc
from typing import Any

import numpy as np
import pytest

from search_spaces.catalog import (
    Arch,
    SpaceChoice,
    arch_hash,
    canonical,
    cost,
    describe,
    drawing,
    families,
    family,
    family_of,
    from_json,
    lower,
    operators,
    published,
    published_names,
    scale,
    to_json,
)
from search_spaces.decision import Space, Tokens
from search_spaces.drawing import Drawing, reads_of
from search_spaces.errors import SpaceError
from search_spaces.graph import IMAGE, Shape
from search_spaces.shared import Switch

_HASHES = """
import sys
from search_spaces import arch_hash, from_json
print(*(arch_hash(from_json(line)) for line in sys.stdin), sep="\\n")
"""


class FamilyTestCase:
    """Holds a family to its contract, `search_spaces.Family`.

    The family has to be found under its name, so its package announces it in the entry-point group `mnas.families`.
    Override `choice`; the other fixtures where their values do not suit the family.
    """

    @pytest.fixture
    def choice(self) -> SpaceChoice:
        """The family and the parameters to test it with; small networks keep the tests fast."""
        raise NotImplementedError

    @pytest.fixture
    def input_shape(self) -> Shape:
        """`(height, width, channels)` of one image."""
        return (32, 24, 3)

    @pytest.fixture
    def classes(self) -> int:
        """How many classes the networks tell apart."""
        return 5

    @pytest.fixture
    def impossible(self) -> Sequence[Mapping[str, Any]]:
        """Parameters that the family must refuse, beside negative numbers and those that are not a number."""
        return ()

    @pytest.fixture
    def space(self, choice: SpaceChoice, input_shape: Shape) -> Space[Any]:
        """The space under test."""
        return choice.space(input_shape)

    @pytest.fixture
    def drawn(self, space: Space[Any]) -> list[Tokens]:
        """Tokens of 60 networks: half of them uniform, half near the first corner, where more spellings meet."""
        rng = np.random.default_rng(0)
        uniform = [space.sample(rng) for _ in range(30)]
        cornered = [tuple(token * int(rng.random() < 0.15) for token in space.sample(rng)) for _ in range(30)]
        return uniform + cornered

    @pytest.fixture
    def arches(self, space: Space[Any], drawn: list[Tokens]) -> list[Arch]:
        """The networks behind those tokens."""
        return [space.decode(tokens) for tokens in drawn]

    @pytest.fixture
    def references(self, choice: SpaceChoice, input_shape: Shape) -> dict[str, Arch]:
        """The family's published networks by name, fitted to the images."""
        return {name: choice.reference(name, input_shape) for name in families()[choice.name].published}

    def test_it_is_found_by_its_name_and_its_architectures(self, choice: SpaceChoice, arches: list[Arch]) -> None:
        """The catalogue, a space and an architecture all lead to the same record."""
        assert family(choice.name).name == choice.name
        assert all(family_of(arch).name == choice.name for arch in arches)

    def test_the_space_carries_the_name_of_the_family(self, choice: SpaceChoice, space: Space[Any]) -> None:
        """Whoever holds a space alone finds its family; decisions are told apart by name."""
        assert space.name == choice.name
        names = [decision.name for decision in space.decisions]
        assert len(set(names)) == len(names) > 0

    def test_architectures_are_values(self, arches: list[Arch]) -> None:
        """Equal architectures are equal and hash alike, wherever they were made."""
        for arch in arches:
            twin = from_json(to_json(arch))
            assert twin == arch
            assert hash(twin) == hash(arch)

    def test_json_brings_back_the_architecture(self, arches: list[Arch], references: dict[str, Arch]) -> None:
        """`from_dict` undoes `to_dict`, on one line of JSON, and a record of it can be stored."""
        for arch in [*arches, *references.values()]:
            text = to_json(arch)
            assert "\n" not in text
            assert from_json(text) == arch
            record = describe(arch)
            assert json.loads(json.dumps(record)) == record
            assert record["arch_hash"] == arch_hash(arch)

    def test_json_of_something_else_is_refused(self, choice: SpaceChoice, arches: list[Arch]) -> None:
        """What lacks everything, or says more than an architecture, raises `SpaceError`."""
        whole = json.loads(to_json(arches[0]))
        for wrong in ({"type": choice.name}, {**whole, "no_such_key": 1}):
            with pytest.raises(SpaceError):
                from_json(json.dumps(wrong))

    def test_the_canonical_form_is_one_form(self, arches: list[Arch], references: dict[str, Arch]) -> None:
        """A canonical form is its own; a space builds nothing else."""
        assert [canonical(arch) for arch in arches] == arches
        for arch in references.values():
            assert canonical(canonical(arch)) == canonical(arch)
            assert arch_hash(canonical(arch)) == arch_hash(arch)

    def test_the_canonical_form_computes_the_same(
        self, references: dict[str, Arch], input_shape: Shape, classes: int
    ) -> None:
        """It is another spelling, not another network."""
        for arch in references.values():
            assert operators(canonical(arch), input_shape, classes) == operators(arch, input_shape, classes)

    def test_equal_networks_have_equal_hashes(self, arches: list[Arch], input_shape: Shape, classes: int) -> None:
        """Two architectures have one hash exactly when they are lowered to the same operators."""
        hash_of = {operators(arch, input_shape, classes): arch_hash(arch) for arch in arches}
        for arch in arches:
            assert arch_hash(arch) == hash_of[operators(arch, input_shape, classes)]
        assert len(set(hash_of.values())) == len(hash_of)

    def test_hashes_are_those_of_any_other_process(self, arches: list[Arch]) -> None:
        """A hash depends on nothing but the architecture, so it may be stored and compared."""
        environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        lines = "\n".join(to_json(arch) for arch in arches)
        done = subprocess.run(
            [sys.executable, "-c", _HASHES], input=lines, capture_output=True, text=True, env=environment, timeout=120
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == [arch_hash(arch) for arch in arches]

    def test_encode_undoes_decode(self, space: Space[Any], drawn: list[Tokens]) -> None:
        """Any spelling of an architecture is encoded to one and the same, which decodes to it again."""
        spelled: dict[str, Tokens] = {}
        for tokens in drawn:
            arch, same = space.decode(tokens), space.canonical(tokens)
            assert space.decode(same) == arch
            assert space.canonical(same) == same
            assert spelled.setdefault(arch_hash(arch), same) == same

    def test_what_a_space_cannot_spell_is_refused(self, space: Space[Any], references: dict[str, Arch]) -> None:
        """A published network is either encoded so that it comes back, or refused with a `SpaceError`."""
        for arch in [*references.values(), *(scale(one, 3.0) for one in references.values())]:
            try:
                tokens = space.encode(arch)
            except SpaceError:
                continue
            assert arch_hash(space.decode(tokens)) == arch_hash(arch)

    def test_what_is_near_lies_in_the_space(
        self, choice: SpaceChoice, space: Space[Any], arches: list[Arch], references: dict[str, Arch]
    ) -> None:
        """`closest` gives a point of the space, for a network of the space itself; `respell` leaves those alone."""
        one = family(choice.name)
        for arch in references.values():
            space.encode(one.closest(space, one.respell(arch)))
        for arch in arches[:5]:
            assert one.respell(arch) == arch
            assert one.closest(space, arch) == arch

    def test_a_graph_is_whole(
        self, arches: list[Arch], references: dict[str, Arch], input_shape: Shape, classes: int
    ) -> None:
        """Names are unique, everything read stands in front, and its shape is the one that it was made with."""
        for arch in [*arches, *references.values()]:
            graph = lower(arch, input_shape, classes)
            assert graph.inputs == ((IMAGE, input_shape),)
            made = dict(graph.inputs)
            for operator in graph.operators:
                assert operator.name not in made, f"{operator.name} stands there twice"
                assert operator.inputs, f"{operator.name} reads nothing"
                missing = [name for name in operator.inputs if name not in made]
                assert not missing, f"{operator.name} reads {missing}, which does not stand in front of it"
                read = tuple(made[name] for name in operator.inputs)
                assert operator.input_shapes == read, f"{operator.name} reads other shapes than were made"
                assert min(operator.output_shape) > 0
                made[operator.name] = operator.output_shape
            assert [made[name] for name in graph.outputs] == [(1, 1, classes)]
            assert graph.operators == lower(arch, input_shape, classes).operators

    def test_costs_are_positive(self, arches: list[Arch], input_shape: Shape, classes: int) -> None:
        """Every network has parameters to train and work to do."""
        for arch in arches:
            counted = cost(arch, input_shape, classes)
            assert counted.params > 0
            assert counted.macs > 0

    def test_shared_weights_hold_every_network(
        self, choice: SpaceChoice, arches: list[Arch], input_shape: Shape, classes: int
    ) -> None:
        """Each network uses as many of them as it has parameters; a family may have none."""
        if family(choice.name).shared is None:
            return
        graph = choice.shared(input_shape, classes)
        seen = {name for name, _ in graph.inputs}
        for step in graph.steps:
            assert seen.issuperset(step.options if isinstance(step, Switch) else step.inputs), step.name
            seen.add(step.name)
        for arch in (*arches, graph.smallest, graph.largest):
            used = graph.path(arch).operators.values()
            assert sum(one.params for one in used) == cost(arch, input_shape, classes).params

    def test_the_keras_model_is_the_graph(self, arches: list[Arch], input_shape: Shape, classes: int) -> None:
        """It has the parameters counted, a layer of the right shape per operator, and gives probabilities."""
        from search_spaces.keras_models import build_model

        images = np.random.default_rng(0).random((3, *input_shape), np.float32)
        for arch in arches[:3]:
            model = build_model(arch, input_shape, classes, dropout=0.0)
            trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
            assert trainable == cost(arch, input_shape, classes).params
            for operator in operators(arch, input_shape, classes):
                built = tuple(model.get_layer(operator.name).output.shape[1:])
                assert built in (operator.output_shape, operator.output_shape[2:])
            probabilities = model(images, training=False).numpy()
            assert probabilities.shape == (3, classes)
            assert np.allclose(probabilities.sum(1), 1, atol=1e-5)

    def test_a_drawing_is_given(self, arches: list[Arch], references: dict[str, Arch], input_shape: Shape) -> None:
        """Each network is one box or more, each with a name, that read earlier ones; its notation is lines of text."""
        for arch in [*arches, *references.values()]:
            boxes = drawing(arch, input_shape)
            _check_boxes(boxes)
            for box in boxes:
                assert box.repeats >= 1
                assert box.shape is None or min(box.shape) > 0
                if box.inside:
                    _check_boxes(box.inside)
                    assert all(one.reads is not None and not one.inside for one in box.inside)
            assert all(isinstance(line, str) and "\n" not in line for line in describe(arch)["blocks"])

    def test_published_networks_are_found_scaled_and_fitted(
        self, references: dict[str, Arch], input_shape: Shape, classes: int
    ) -> None:
        """Each is known to all by a name of its own, fits the images, and grows when it is scaled."""
        assert [published_names().count(name) for name in references] == [1] * len(references)
        for name, arch in references.items():
            assert type(published(name)) is type(arch)
            assert scale(arch, 1.0) == arch
            wider, fitted = (cost(one, input_shape, classes) for one in (scale(arch, 2.0), arch))
            assert wider.params > fitted.params
            for factors in ((0.0, 1.0), (1.0, -1.0), (math.nan, 1.0)):
                with pytest.raises(SpaceError):
                    scale(arch, *factors)

    def test_parameters_have_defaults_and_a_line_of_help(self, choice: SpaceChoice) -> None:
        """A command line can list them: each field of the dataclass has a default and a line under `Attributes:`."""
        kind = family(choice.name).parameters
        assert is_dataclass(kind)
        assert kind() == kind()
        hash(kind())
        _, _, described = (getdoc(kind) or "").partition("Attributes:")
        assert [one.name for one in fields(kind) if f"{one.name}:" not in described] == []

    def test_parameters_refuse_nonsense(self, choice: SpaceChoice, impossible: Sequence[Mapping[str, Any]]) -> None:
        """Unknown names, negative numbers, what is not a number and the family's own impossible values."""
        wrong: list[Mapping[str, Any]] = [{"no_such_parameter": 1}, *impossible]
        for name, value in asdict(choice.parameters).items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                wrong += [{name: -1}] if isinstance(value, int) else [{name: -1.0}, {name: math.nan}]
        for values in wrong:
            with pytest.raises(SpaceError) as caught:
                SpaceChoice.of(choice.name, values)
            assert "\n" not in str(caught.value)

    def test_an_image_of_one_pixel_is_taken_or_refused(self, choice: SpaceChoice, classes: int) -> None:
        """An image too small for the family is a `SpaceError` and never a broken network."""
        try:
            space = choice.space((1, 1, 3))
        except SpaceError:
            return
        arch = space.decode(space.sample(np.random.default_rng(0)))
        assert cost(arch, (1, 1, 3), classes).params > 0


def _check_boxes(boxes: Drawing) -> None:
    """There are some, each has a name, reads earlier ones, and is read unless it is the last."""
    assert boxes
    assert all(box.name for box in boxes)
    reads = reads_of(boxes)
    for number, read in enumerate(reads):
        assert list(read) == sorted({*read} & {*range(-1, number)})
    assert {*range(len(boxes) - 1)} <= {one for read in reads for one in read}
