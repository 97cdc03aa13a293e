"""Fixtures and options of the Python tests. Servers are started once per run of pytest, when the first test asks for them;
a database, its topics and its services belong to one test. Whatever was started is ended, also after SIGTERM.
"""
import itertools
import os
import pathlib
import random
import signal

import pytest

pytest.register_assert_rewrite("support", "fault")

from fault.flow import Flow  # noqa: E402
from support.console_service import running_console  # noqa: E402
from support.kafka import EmbeddedBroker, Kafka  # noqa: E402
from support.pipeline import Database, Pipeline, running_services  # noqa: E402
from support.postgres import Postgres  # noqa: E402
from support.registry import Registry  # noqa: E402
from support.sluice import Sluice  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
NUMBERS = itertools.count(1)
# Sizes and the like; a test names its own default where it asks for one.
OPTIONS = {
    "events": (int, "records of a stream"),
    "kills": (int, "how often the service is killed"),
    "away": (float, "seconds that PostgreSQL stays away"),
    "strangers": (int, "connections that never log in"),
    "seed": (int, "what chance begins with; the same seed, the same test"),
    "minutes": (float, "length of the fault harness"),
    "seconds": (float, "length of a single scenario"),
    "rate": (int, "records a second"),
    "values": (int, "random values of a comparison with another implementation"),
    "rounds": (int, "how often a fault is repeated"),
    "transactions": (int, "Kafka transactions"),
    "keys": (int, "different keys"),
    "points": (int, "0 for a binary without fault points"),
    "older": (str, "the binary of another version"),
    "only": (str, "kinds of faults, with commas between"),
    "history": (str, "file for what happened in a run"),
    "json": (str, "file for the figures"),
}


def pytest_addoption(parser):
    group = parser.getgroup("sluice")
    group.addoption("--sluice", default=str(ROOT / "build/release/sluice"), help="the binary under test")
    group.addoption("--postgres", type=os.path.abspath,
                    help="the folder with initdb and pg_ctl of the server to test with, instead of Debian's")
    group.addoption("--libraries", type=os.path.abspath, help="a folder with libraries that the binary loads instead of Debian's")
    group.addoption("--build", default=str(ROOT / "build/release"), help="the folder with compile_commands.json")
    group.addoption("--deep", action="store_true", help="let clang's analyzer look as deep as it can")
    group.addoption("--faults", choices=("ON", "OFF"), default="OFF", help="what the binary was configured with")
    group.addoption("--update", action="store_true", help="write the transcripts anew instead of comparing them")
    group.addoption("--within", type=int, default=0, help="seconds after which the run ends as after SIGTERM")
    group.addoption("--case", type=int, help="run only the tests of this case of docs/console-cases.md")
    for name, (kind, text) in OPTIONS.items():
        group.addoption(f"--{name}", type=kind, help=text)


def pytest_configure(config):
    Sluice.binary = os.path.abspath(config.getoption("--sluice"))
    Sluice.libraries, Postgres.programs = config.getoption("--libraries"), config.getoption("--postgres")
    # As Ctrl-C: pytest then ends the fixtures, and with them what they have started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.alarm(config.getoption("--within"))


def pytest_collection_modifyitems(config, items):
    number = config.getoption("--case")
    if number is None:
        return
    others = [item for item in items if not any(number in mark.args for mark in item.iter_markers("case"))]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


def pytest_keyboard_interrupt():
    """Where it hung is told by the traceback, what the services did by their logs."""
    for service in Sluice.present:
        print(f"\n--- {service.log_path}\n{service.tail(6000)}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    report = (yield).get_result()
    if report.failed and report.when != "teardown":  # what only shows in the end comes with its logs
        report.sections += [(f"log {service.log_path}", service.tail(6000)) for service in Sluice.present]


def ended(made):
    """A fixture around something with remove()."""
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="session")
def kafka():
    yield from ended(Kafka())


@pytest.fixture(scope="session")
def broker():
    """The broker of `sluice demo`: there in a moment, where a test is not about Kafka."""
    yield from ended(EmbeddedBroker())


@pytest.fixture(scope="session")
def postgres():
    yield from ended(Postgres())


@pytest.fixture(scope="module")
def registry():
    yield from ended(Registry())


@pytest.fixture
def database(postgres):
    return Database(postgres, f"t{next(NUMBERS)}")


@pytest.fixture
def sluice(kafka, database):
    """sluice(routes, **settings) makes a service on the test's database."""
    with running_services(kafka, database) as services:
        yield services


@pytest.fixture
def services(broker, database):
    """The same at the broker of `sluice demo`."""
    with running_services(broker, database) as made:
        yield made


@pytest.fixture
def pipeline(kafka, database, sluice):
    return Pipeline(kafka, database, sluice)


@pytest.fixture(scope="module")
def module_console(broker, postgres):
    with running_console(broker, postgres, f"c{next(NUMBERS)}") as console:
        yield console


@pytest.fixture
def console(request):
    """A service with a console, which is as it was when the test has ended. It is the same one for a whole module, as each
    takes seconds to join its group, but for tests with the mark `alone`: they change tables, or leave rows behind.
    """
    if request.node.get_closest_marker("alone"):
        broker, postgres = request.getfixturevalue("broker"), request.getfixturevalue("postgres")
        with running_console(broker, postgres, f"c{next(NUMBERS)}") as own:
            yield own
            own.check()
    else:
        shared = request.getfixturevalue("module_console")
        if not shared.live.running():  # a test before this one has failed
            shared.start()
        shared.measure()
        yield shared
        shared.check()


@pytest.fixture(scope="session")
def option(pytestconfig):
    """option(name, default): what the command line says, or the test's own default."""
    def value(name, default):
        given = pytestconfig.getoption(f"--{name}")
        return default if given is None else given
    return value


@pytest.fixture(scope="session")
def session_seed(option):
    """By chance, unless given."""
    return option("seed", 0) or random.randrange(1, 10**6)


@pytest.fixture
def seed(session_seed):
    """It is printed, so that a failure shows it."""
    print(f"seed {session_seed}", flush=True)
    return session_seed


@pytest.fixture
def make_flow(pipeline, seed):
    """make_flow(**settings): a stream with a model of what must come of it, not started yet."""
    made = []

    def make(seed=seed, **settings):
        made.append(Flow(pipeline, seed, **settings))
        return made[-1]

    yield make
    for flow in made:
        flow.finish()
