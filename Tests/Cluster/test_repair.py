"""Nodes that lost something are repaired from the others while customers trade, and end with equal states.

Small log segments and a short memory for absent nodes make the logs too short for a node that was away: it needs a
snapshot. While one is under way the logs are kept for that long: long enough for a transfer on a busy machine, or the
node would need another one each time.
"""

import random
import signal
import time

import pytest

from castle import Cluster
from test_exctl import exctl, ok
from test_handover import Crowd

SMALL = {
    "EXNODE_DRILL_SEGMENT_KIB": "256", "EXNODE_DRILL_FLUSH_KIB": "256",
    "EXNODE_DRILL_KEPT_KIB": "64", "EXNODE_DRILL_ABSENCE_MS": "5000",
    "EXNODE_DRILL_HASH_INTERVAL": "256"}


@pytest.fixture
def cluster():
    cluster = Cluster(extra=["--request-weight-per-minute", "10000000"])

    def drills(node):
        return {
            **SMALL, "EXNODE_DRILL_WRONG_STATE": str(cluster.folder / f"flaw{node + 1}"),
            "EXNODE_DRILL_WRONG_ROW": str(cluster.folder / f"row{node + 1}")}

    with cluster.environment(drills), cluster:
        cluster.wait_level()
        yield cluster


def segments(cluster, node):
    return sorted((cluster.folder / f"node{node + 1}" / "log").glob("*.segment"))


def wait_cut(cluster, node, first):
    """Until the node's log no longer begins with `first`."""
    end = time.time() + 60
    while time.time() < end:
        present = segments(cluster, node)
        if present and first not in {p.name for p in present}:
            return
        time.sleep(0.2)
    raise AssertionError(f"the log of node {node + 1} is never cut: {present}")


def follower(cluster):
    return (cluster.leader() + 1) % 3


def trade_on(crowd, count=4000, seconds=120):
    """Until the crowd has so many more orders: more than the nodes keep of their logs."""
    goal, end = crowd.acknowledged() + count, time.time() + seconds
    while crowd.acknowledged() < goal:
        assert time.time() < end, "the crowd is too slow"
        time.sleep(0.1)


def stop_and_leave_behind(cluster, crowd, node):
    """Kills the node, and waits until the others have cut what it lacks."""
    names = {n: segments(cluster, n)[-1].name for n in range(3) if n != node}
    cluster.kill(node)
    trade_on(crowd)
    for other, name in names.items():
        wait_cut(cluster, other, name)


def wait_log(cluster, node, text, seconds=60):
    end = time.time() + seconds
    while time.time() < end:
        if text in cluster.log(node):
            return
        time.sleep(0.1)
    raise AssertionError(f"node {node + 1} never said '{text}': {cluster.log(node)[-3000:]}")


def wait_anew(cluster, node, text="begins anew", seconds=60):
    """Until the node has begun anew by itself."""
    end = time.time() + seconds
    while time.time() < end:
        _, found, after = cluster.log(node).partition(text)
        if found and "serves clients" in after:
            return
        time.sleep(0.1)
    raise AssertionError(f"node {node + 1} does not begin anew: {cluster.log(node)[-3000:]}")


def flip(path, at):
    raw = bytearray(path.read_bytes())
    raw[at] ^= 0x10
    path.write_bytes(raw)


def finish(cluster, crowd):
    cluster.check_hashes()
    crowd.check(cluster)
    code, out, err = exctl(cluster, "verify")
    assert code == 0, out + err


def cut_all_logs(cluster, crowd):
    """Trades until no node has the beginning of its log any more."""
    names = {n: segments(cluster, n)[0].name for n in range(3)}
    trade_on(crowd)
    for node, name in names.items():
        wait_cut(cluster, node, name)


def join_by_snapshot(cluster):
    """Adds a new node, which needs a snapshot."""
    node = cluster.grow()
    cluster.start(node)
    ok(cluster, "member", "add", str(node + 1), "--wait", "60")
    wait_anew(cluster, node)
    cluster.wait_ready(60)


def test_a_node_that_was_away_for_too_long_gets_a_snapshot(cluster):
    with Crowd(cluster) as crowd:
        away = follower(cluster)
        stop_and_leave_behind(cluster, crowd, away)
        cluster.start(away)
        wait_anew(cluster, away)
        cluster.wait_ready(60)
    finish(cluster, crowd)


def test_a_new_node_gets_a_snapshot_when_the_log_was_cut(cluster):
    with Crowd(cluster) as crowd:
        cut_all_logs(cluster, crowd)
        join_by_snapshot(cluster)
    finish(cluster, crowd)


def test_a_snapshot_that_was_damaged_after_it_was_made_is_replaced_by_another(cluster):
    with Crowd(cluster) as crowd:
        cut_all_logs(cluster, crowd)
    cluster.wait_level()
    join_by_snapshot(cluster)
    # Nothing was traded since: the next one would be sent the same. Of these files the state store has its own copies.
    made = list(cluster.folder.glob("node*/snapshots/*/OPTIONS-*"))
    assert made
    for path in made:
        flip(path, 100)
    join_by_snapshot(cluster)
    assert any("is damaged (checksum)" in cluster.log(n) for n in range(3))
    finish(cluster, crowd)


@pytest.mark.parametrize("place", ["middle", "tail"])
def test_a_damaged_log_is_repaired_from_the_others(cluster, place):
    with Crowd(cluster) as crowd:
        node = follower(cluster)
        time.sleep(1)
        cluster.kill(node)
        last = max(
            (p for p in segments(cluster, node) if p.read_bytes().rstrip(b"\0")),
            key=lambda p: p.name)
        used = len(last.read_bytes().rstrip(b"\0"))
        flip(last, used // 2 if place == "middle" else used - 100)
        cluster.start(node)
        wait_log(cluster, node, "the log is damaged")
        cluster.wait_ready(60)
    finish(cluster, crowd)


@pytest.mark.parametrize("damages", [1, 20])
def test_a_damaged_state_store_is_replaced(cluster, damages):
    with Crowd(cluster) as crowd:
        node = follower(cluster)
        end = time.time() + 60
        store = cluster.folder / f"node{node + 1}" / "state"
        # One that is being written when the node dies is no part of the store yet.
        while not (tables := [t for t in store.glob("*.sst") if t.stat().st_size > 0]):
            assert time.time() < end, "nothing is ever flushed"
            time.sleep(0.2)
        cluster.kill(node)
        chance = random.Random(1)
        for table in tables:
            if not table.exists():
                continue
            raw = bytearray(table.read_bytes())
            # One: in the first block of rows, which opens and cannot be read.
            raw[100] ^= 0xFF
            for _ in range(damages - 1):
                raw[chance.randrange(len(raw))] ^= 0xFF
            table.write_bytes(raw)
        cluster.start(node)
        wait_anew(cluster, node)
        cluster.wait_ready(60)
    finish(cluster, crowd)


def test_a_state_store_with_a_wrong_row_is_replaced(cluster):
    """The store opens and reads well: one row is not what it was."""
    with Crowd(cluster) as crowd:
        node = follower(cluster)
        flaw = cluster.folder / f"row{node + 1}"
        flaw.touch()
        end = time.time() + 20
        while flaw.exists():
            assert time.time() < end, "no row is changed"
            time.sleep(0.05)
        assert cluster.kill(node, signal.SIGTERM) == 0
        before = len(cluster.log(node))
        cluster.start(node)
        wait_anew(cluster, node)
        said = [line for line in cluster.log(node)[before:].splitlines()
                if "must be replaced by a peer's" in line]
        assert len(said) == 1 and "do not add up" in said[0], said
        cluster.wait_ready(60)
    finish(cluster, crowd)


def test_damage_in_an_old_part_of_the_log_is_found_while_the_node_runs(cluster):
    with Crowd(cluster) as crowd:
        node = follower(cluster)
        end = time.time() + 60
        while len(segments(cluster, node)) < 4:
            assert time.time() < end, "the log does not grow"
            time.sleep(0.05)
        trade_on(crowd, 200)
    # Nobody trades: the log is cut no further.
    time.sleep(1)
    old = segments(cluster, node)[0]
    flip(old, len(old.read_bytes().rstrip(b"\0")) // 2)
    wait_anew(cluster, node, "begins anew to repair")
    cluster.wait_ready(60)
    finish(cluster, crowd)


@pytest.mark.parametrize("role", ["leader", "follower"])
def test_a_node_whose_state_is_wrong_is_found_fenced_and_rebuilt(cluster, role):
    with Crowd(cluster) as crowd:
        leader = cluster.leader()
        wrong = leader if role == "leader" else (leader + 1) % 3
        (cluster.folder / f"flaw{wrong + 1}").touch()
        wait_log(cluster, wrong, "must be replaced by a peer's")
        wait_anew(cluster, wrong)
        cluster.wait_ready(60)
    finish(cluster, crowd)


def test_snapshots_are_made_while_customers_trade(cluster):
    with Crowd(cluster) as crowd:
        for _ in range(3):
            saved = ok(cluster, "snapshot", "save")
            assert saved["index"] > 0 and saved["directory"].startswith(str(cluster.folder / "node1"))
        made = list((cluster.folder / "node1" / "snapshots").iterdir())
        assert len(made) == 2
    assert crowd.troubles() == []
    finish(cluster, crowd)


def used(path):
    return len(path.read_bytes().rstrip(b"\0"))


def test_a_leader_that_cannot_read_its_log_for_a_follower_repairs_it():
    with Cluster() as cluster:
        customer = cluster.customer("anna", USDT=50_000_000)
        cluster.wait_level()
        away = follower(cluster)
        cluster.kill(away)
        rest = [n for n in range(3) if n != away]
        before = {n: (segments(cluster, n)[0], used(segments(cluster, n)[0])) for n in rest}
        # Two with the same bytes, in one millisecond, are one.
        orders = {
            customer.order(
                "BTCUSDT", "BUY", node=rest[0], quantity="0.001", price="20000.00")["orderId"]
            for _ in range(200)}
        # Begun anew, they have nothing of it in memory.
        for node in rest:
            assert cluster.kill(node, signal.SIGTERM) == 0
            cluster.processes[node] = None
        for node in rest:
            cluster.start(node)
        cluster.wait_ready()
        leader = cluster.leader()
        path, start = before[leader]
        middle = (start + used(path)) // 2
        assert middle - start > 8192
        flip(path, middle // 4096 * 4096 + 300)
        cluster.start(away)
        wait_anew(cluster, leader, seconds=30)
        cluster.wait_level(30)
        cluster.check_hashes()
        assert {o["orderId"] for o in customer.orders("BTCUSDT", away)} == orders
