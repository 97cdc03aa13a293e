"""The end of the service while partitions stand still and a command waits for PostgreSQL."""
import re
import resource
import signal
import subprocess
import time

import psycopg2
import pytest

from support.waiting import wait_until


@pytest.mark.case(40)
@pytest.mark.alone
def test_sigterm_beside_stopped_partitions_and_a_blocked_command_ends_with_0(console, option):
    rounds, codes, took = option("rounds", 2), [], []
    for turn in range(rounds):
        console.ok("pause", f"{console.orders}/{turn % 4}", "--reason", "standing still", key="k_oper")
        with psycopg2.connect(console.url, connect_timeout=60) as holder, holder.cursor() as cursor:
            cursor.execute("LOCK TABLE sluice.dead_letter IN ACCESS EXCLUSIVE MODE")
            client = console.popen("dead", "list", key="k_oper")
            wait_until(lambda: console.sql("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND"
                                           " wait_event_type = 'Lock' AND query LIKE '%%dead_letter%%'"), "a blocked command")
            begin = time.monotonic()
            codes.append(console.live.stop())
            took.append(time.monotonic() - begin)
            client.communicate(timeout=60)
            holder.rollback()
        console.live.start()
        console.ok("resume", "all", key="k_oper")
    print(f"{codes.count(0)} of {rounds} ended with 0, the slowest after {max(took):.1f} s")
    assert codes == [0] * rounds
    # The same by a command: whoever gives it sees that it was heard, and the trail has it.
    console.refused(7, "--yes", "shutdown", key="k_oper")
    tails = [console.popen("tail", "--json", key="k_oper") for _ in range(3)]
    wait_until(lambda: [one["command"] for one in console.sessions()].count("tail --json") == 3, "three tails")
    console.ok("shutdown", "--drain", "--yes", key="k_oper")
    assert console.live.wait() == 0
    told = [client.communicate(timeout=60)[1] for client in tails]
    assert all(b"the service is shutting down" in one for one in told), told
    assert ("oper", "done: drains") in [(row[0], row[4]) for row in console.audit("shutdown")]
    console.live.start()
    console.measure()


@pytest.mark.case(40)
@pytest.mark.alone
def test_a_drain_that_is_ordered_again_goes_on_and_a_second_sigterm_ends_it(console):
    with console.hold_pointers() as holder:
        console.ok("shutdown", "--drain", "--yes", key="k_oper")
        wait_until(lambda: "draining" in console.live.log(), console.live.tail)
        console.ok("shutdown", "--drain", "--yes", key="k_oper")
        with pytest.raises(subprocess.TimeoutExpired):  # the drain waits for its batch
            console.live.process.wait(1)
        holder.rollback()
    assert console.live.wait() == 0
    assert "ending at once" not in console.live.log()
    console.live.start()
    tail = console.popen("tail", "--json", key="k_oper")
    wait_until(lambda: "tail --json" in [one["command"] for one in console.sessions()], "a tail")
    seen = len(console.live.log())
    with console.hold_pointers() as holder:
        console.live.signal(signal.SIGTERM)
        wait_until(lambda: "draining" in console.live.log()[seen:], console.live.tail)
        assert console.run_ssh("status").code == 0, "operators see the drain"
        console.live.signal(signal.SIGTERM)
        assert console.live.wait(15) == 0, "without the batch that waits, for which a drain has 17 s"
        assert "ending at once; what was not committed is read again" in console.live.log()[seen:]
        tail.communicate(timeout=60)
        holder.rollback()
    console.live.start()
    console.wait_caught_up(console.orders)
    assert all(topic["balanced"] for topic in console.data("count")["topics"])
    console.measure()


@pytest.mark.case(40)
@pytest.mark.alone
def test_a_drain_is_taken_back_while_a_lane_still_writes_and_not_once_a_signal_ends_the_service(console):
    assert "no shutdown is under way" in console.ok("shutdown", "abort", key="k_oper")
    with console.hold_pointers() as holder:
        console.ok("shutdown", "--drain", "--yes", key="k_oper")
        wait_until(lambda: console.data("status")["state"] == "draining", console.live.tail)
        assert "taken back" in console.ok("shutdown", "abort", key="k_oper")
        wait_until(lambda: console.data("status")["state"] != "draining", console.live.tail)
        holder.rollback()
    console.publish(range(200_000, 201_000))
    console.wait_caught_up(console.orders)
    assert console.sql("SELECT count(*) FROM orders WHERE id >= 200000") == [(1000,)]
    assert [row[4] for row in console.audit("shutdown abort")] == ["done: nothing to do", "done: taken back"]
    assert all(consumed == sum(outcomes) for consumed, *outcomes in console.sql(
        "SELECT next_offset - start_offset, applied, folded, skipped, dead, gaps FROM sluice.pointer"))
    console.ok("reconnect", "kafka", key="k_oper")
    seen = len(console.live.log())
    with console.hold_pointers() as holder:
        console.ok("shutdown", "--drain", "--yes", key="k_oper")
        wait_until(lambda: console.data("status")["state"] == "draining", console.live.tail)
        console.live.signal(signal.SIGTERM)
        wait_until(lambda: re.search(r"draining$", console.live.log()[seen:], re.M), console.live.tail)
        refused = console.run_ssh("shutdown", "abort", key="k_oper")
        assert refused.code == 4 and "cannot be taken back any more" in refused.err, refused
        holder.rollback()
    assert console.live.wait() == 0
    told = console.live.log()[seen:]
    assert "ending at once" not in told
    assert "a client was replaced while the service ran" in told and "does not close" not in told
    console.live.start()
    console.measure()


@pytest.mark.alone
def test_a_reload_without_memory_is_told_and_the_service_goes_on(console):
    live = console.live
    live.expected += ["not all is reloaded", "looked after in part only"]
    before = resource.prlimit(live.process.pid, resource.RLIMIT_AS)
    resource.prlimit(live.process.pid, resource.RLIMIT_AS, (live.status_of("VmSize") * 1024, before[1]))
    live.signal(signal.SIGHUP)
    wait_until(lambda: re.search("not all is reloaded|reload: read", live.log()), live.tail)
    resource.prlimit(live.process.pid, resource.RLIMIT_AS, before)
    assert "3 keys in" in live.reload()
    console.ok("status")
    console.publish(range(3000, 3100))
    console.wait_caught_up(console.orders)
