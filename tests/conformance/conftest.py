"""The world of a run holds the cases of all selected tests."""
import contextlib

import pytest

from support.conformance import World
from support.conformance_page import cases_of
from support.pipeline import Database, running_services


@pytest.fixture(scope="session")
def world(request, kafka, postgres):
    cases = [item.function.case.named(cases_of(item.name)[0][0]) for item in request.session.items
             if hasattr(getattr(item, "function", None), "case")]
    database = Database(postgres, "conformance")
    with running_services(kafka, database) as services, contextlib.closing(World(kafka, database, services, cases)) as made:
        yield made
