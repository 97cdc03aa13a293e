"""[[job]]: SQL that runs after commits to its tables, at least once, in one instance at a time, and holds nothing up."""
import json
import time

from support.pipeline import encode, route
from support.sluice import run
from support.waiting import wait_until

FACTS = """CREATE TABLE orders (id bigint PRIMARY KEY, product text NOT NULL, amount bigint NOT NULL);
           CREATE TABLE daily_sales (product text PRIMARY KEY, orders bigint NOT NULL, amount bigint NOT NULL)"""
REFRESH = """INSERT INTO daily_sales SELECT product, count(*), sum(amount) FROM orders GROUP BY product
             ON CONFLICT (product) DO UPDATE SET orders = excluded.orders, amount = excluded.amount"""


def job(sql, name="daily_sales", every="1s", **settings):
    lines = {"name": name, "sql": sql, "after": ["public.orders"], "every": every, **settings}
    return "[[job]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items())


def orders(first, count):
    return [(b"%d" % n, encode({"id": n, "product": f"p{n % 7}", "amount": n})) for n in range(first, first + count)]


def row(pipeline, columns, name="daily_sales"):
    rows = pipeline.sql(f"SELECT {columns} FROM sluice.job WHERE name = %s", name)
    return rows[0] if rows else None


def is_current(pipeline, applied):
    """The mart has what the facts have, and they have so much."""
    facts = pipeline.sql("SELECT product, count(*), sum(amount) FROM orders GROUP BY product ORDER BY product")
    return sum(count for _, count, _ in facts) == applied and facts == pipeline.sql("SELECT * FROM daily_sales ORDER BY product")


def test_a_mart_equals_its_facts_after_the_service_was_killed_again_and_again(pipeline):
    pipeline.sql(FACTS)
    topic = pipeline.topic("orders", 2)
    both = [pipeline.service(route(topic, "public.orders"), rest=job(REFRESH)) for _ in range(2)]
    published = 0
    for kill in range(4):
        one = both[kill % 2].start()
        for _ in range(4):
            pipeline.kafka.publish(topic, orders(published, 300))
            published += 300
            time.sleep(0.3)  # so that it dies at some moment of reading, writing and refreshing
        one.kill9()
    # What was committed right before a kill is refreshed by whoever comes, though nothing more is committed.
    for one in both:
        one.start()
    pipeline.wait_caught_up(topic)
    wait_until(lambda: is_current(pipeline, published), pipeline.logs)
    runs, failures = row(pipeline, "runs, failures")
    assert runs > 0 and failures == 0
    for one in both:
        assert one.stop() == 0


def test_two_instances_never_run_a_job_at_once_and_not_more_often_than_asked_for(pipeline):
    pipeline.sql(FACTS)
    pipeline.sql("""CREATE TABLE run (began timestamptz DEFAULT clock_timestamp(), ended timestamptz);
                    CREATE FUNCTION slow() RETURNS void LANGUAGE plpgsql AS $$
                    DECLARE began timestamptz = clock_timestamp();
                    BEGIN PERFORM pg_sleep(0.7); INSERT INTO run VALUES (began, clock_timestamp()); END $$""")
    topic = pipeline.topic("orders", 2)
    both = [pipeline.service(route(topic, "public.orders"), rest=job("SELECT slow()")) for _ in range(2)]
    for one in both:
        one.start()

    def runs():
        return pipeline.sql("SELECT extract(epoch FROM began), extract(epoch FROM ended) FROM run ORDER BY began")

    published = 0
    begun = time.monotonic()
    while len(runs()) < 5:
        pipeline.kafka.publish(topic, orders(published, 20))
        published += 20
        assert time.monotonic() < begun + 120, pipeline.logs()
    all_runs = runs()
    for (began, ended), (following, _) in zip(all_runs, all_runs[1:]):
        assert following >= ended, "two runs at once"
        assert following - began > 0.9, "more often than every second"
    # Once all is seen it rests.
    pipeline.wait_caught_up(topic)
    wait_until(lambda: sum(s.metrics()['sluice_job_pending{job="daily_sales"}'] for s in both) == 0, pipeline.logs)
    before = row(pipeline, "runs")
    time.sleep(3)
    assert row(pipeline, "runs") == before, "it ran although nothing was committed"
    for one in both:
        assert one.stop() == 0


def test_a_job_that_fails_heals_and_its_error_is_told_once(pipeline):
    pipeline.sql(FACTS)
    topic = pipeline.topic("orders")
    service = pipeline.service(route(topic, "public.orders"), rest=job("SELECT refresh_sales()"))
    service.expected.append("daily_sales has failed")
    service.start()
    pipeline.kafka.publish(topic, orders(0, 10))
    pipeline.wait_caught_up(topic)  # a job that fails holds no record up
    wait_until(lambda: (row(pipeline, "failed_in_a_row") or (0,))[0] >= 2, service.tail)
    assert "refresh_sales() does not exist" in row(pipeline, "last_error")[0]
    assert service.metrics()['sluice_job_failing{job="daily_sales"}'] == 1
    pipeline.sql("CREATE FUNCTION refresh_sales() RETURNS void LANGUAGE sql AS $$ " + REFRESH + " $$")
    wait_until(lambda: row(pipeline, "last_error, failed_in_a_row") == (None, 0), service.tail)
    assert is_current(pipeline, 10)
    assert service.log().count("daily_sales has failed") == 1
    assert "daily_sales succeeds again" in service.log()
    assert service.stop() == 0


def test_check_leaves_the_statement_alone_that_names_a_table_which_is_still_to_be_made(pipeline):
    topic = pipeline.topic("orders")
    for evolve, code, told in (("tables", 0, "    not checked: a table is still to be made: "), ("none", 1, "job daily_sales: ")):
        service = pipeline.service(route(topic, "public.orders", evolve=evolve), rest=job("SELECT count(*) FROM orders"))
        check = run("check", "--connect", "--config", service.config, seconds=60)
        assert check.returncode == code and told in check.stdout + check.stderr, check


def test_a_paused_job_does_not_run_and_one_that_hangs_delays_no_stop(pipeline):
    pipeline.sql(FACTS)
    topic = pipeline.topic("orders")
    service = pipeline.service(route(topic, "public.orders"), rest=job(REFRESH) + job("SELECT pg_sleep(600)", "hangs"))
    service.start()
    wait_until(lambda: (row(pipeline, "runs") or (0,))[0] > 0, service.tail)
    pipeline.sql("INSERT INTO sluice.pause (pipeline, target) VALUES (%s, 'job daily_sales')", pipeline.name)
    pipeline.kafka.publish(topic, orders(0, 10))
    pipeline.wait_caught_up(topic)
    wait_until(lambda: service.metrics()['sluice_job_pending{job="daily_sales"}'] == 1, service.tail)
    time.sleep(3)
    assert pipeline.sql("SELECT count(*) FROM daily_sales") == [(0,)]
    pipeline.sql("DELETE FROM sluice.pause")
    wait_until(lambda: is_current(pipeline, 10), service.tail)
    hangs = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%%job hangs' AND state = 'active'"
    wait_until(lambda: pipeline.sql(hangs) == [(1,)], service.tail)
    begun = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - begun < 15
    wait_until(lambda: pipeline.sql(hangs) == [(0,)], service.tail)
    assert row(pipeline, "runs, failures", "hangs") == (0, 0), "what the end of the service cancels is no failure"
