"""Our task, and one of another package, are held to what every task promises."""

import pytest
from toy_task import DISCS

from mnas.tasks import task as task_named
from mnas.testing import TaskTestCase


class TestClassification(TaskTestCase):
    @pytest.fixture
    def task(self):
        return task_named("classification")

    @pytest.fixture
    def source(self):
        return "digits"

    @pytest.fixture
    def ordered(self):
        return (0.0, 0.1, 0.5, 0.97, 1.0)

    @pytest.fixture
    def limit(self):
        return 400


class TestToy(TaskTestCase):
    @pytest.fixture
    def task(self):
        return DISCS

    @pytest.fixture
    def source(self):
        return "discs:200"

    @pytest.fixture
    def ordered(self):
        return (40.0, 5.5, 1.0, 0.01)
