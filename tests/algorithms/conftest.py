"""Generated projects that the tests of a module share."""

from __future__ import annotations

import pytest

from tests.algorithms.projects import Project, Projects, project


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Projects:
    """Return what generates a project of an algorithm and a data set, once."""
    made: dict[tuple[str, str], Project] = {}

    def get(algorithm: str, data: str = "") -> Project:
        if (algorithm, data) not in made:
            folder = tmp_path_factory.mktemp("projects") / algorithm
            answers = {"algorithm": algorithm, **({"data": data} if data else {})}
            made[algorithm, data] = project(folder, answers)
        return made[algorithm, data]

    return get
