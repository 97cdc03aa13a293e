"""The world of a run holds the cases of all selected tests."""
import pytest

from support.conformance import ID, World
from support.pipeline import Database, Services


@pytest.fixture(scope="session")
def world(request, kafka, postgres):
    cases = [item.function.case.named(ID.match(item.name).group(1)) for item in request.session.items
             if hasattr(getattr(item, "function", None), "case")]
    database = Database(postgres, "conformance")
    services = Services(kafka, database)
    told, made = "", None
    try:
        made = World(kafka, database, services, cases)
        yield made
    finally:
        if made:
            made.close()
        told = services.close()
    if told:
        pytest.fail(told, pytrace=False)
