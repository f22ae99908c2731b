"""The last resorts: a cluster begun anew from one directory or from a snapshot, and what is refused instead of guessed."""

import pathlib
import shutil
import signal
import subprocess
import time

import pytest

from castle import BUILD, Cluster
from test_exctl import DONE, FAILED, exctl, ok

SMALL = {
    "EXNODE_DRILL_SEGMENT_KIB": "64", "EXNODE_DRILL_FLUSH_KIB": "16",
    "EXNODE_DRILL_KEPT_KIB": "16", "EXNODE_DRILL_ABSENCE_MS": "500"}
FUNDS = {"BTC": 1000, "USDT": 50_000_000}


def place(customer, count, node=0):
    return [
        customer.order("BTCUSDT", "BUY", node=node, quantity="0.001", price="20000.00")["orderId"]
        for _ in range(count)]


def until(seconds, what, check):
    end = time.time() + seconds
    while time.time() < end:
        if check():
            return
        time.sleep(0.05)
    raise AssertionError(what)


def offline(*arguments):
    done = subprocess.run(
        [str(BUILD / "exctl"), *map(str, arguments)], capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=120)
    return done.returncode, done.stdout, done.stderr


def strike(cluster, node=0, customer=None):
    """Changes a row in the node's store, but not in its memory."""
    flaw = cluster.folder / f"row{node + 1}"
    flaw.touch()
    place(customer, 1, node)
    until(10, "no row was changed", lambda: not flaw.exists())


@pytest.fixture
def single():
    cluster = Cluster(nodes=1)
    variables = {"EXNODE_DRILL_WRONG_ROW": str(cluster.folder / "row1")}
    with cluster.environment(lambda _: variables), cluster:
        yield cluster


def refuses_to_start(cluster):
    before = len(cluster.log(0))
    cluster.start(0)
    assert cluster.processes[0].wait(timeout=20) == 1
    cluster.processes[0] = None
    lines = cluster.log(0)[before:].strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("exnode: the state store cannot be used"), lines
    assert "exctl snapshot restore" in lines[0]
    return lines[0]


def rebuilds(cluster, customer, orders):
    cluster.start(0)
    cluster.wait_ready()
    assert "applied again" in cluster.log(0)
    assert {o["orderId"] for o in customer.orders("BTCUSDT")} == set(orders)
    assert place(customer, 1)[0] > max(orders)
    # The damaged store is gone for good.
    assert cluster.kill(0, signal.SIGTERM) == 0
    cluster.start(0)
    cluster.wait_ready()
    assert cluster.log(0).count("applied again") == 1


def test_a_node_alone_with_a_wrong_row_applies_its_log_again(single):
    customer = single.customer("anna", **FUNDS)
    orders = place(customer, 20)
    strike(single, customer=customer)
    orders.append(max(orders) + 1)
    assert single.kill(0, signal.SIGTERM) == 0
    rebuilds(single, customer, orders)


def break_tables(cluster):
    for table in (cluster.folder / "node1" / "state").glob("*.sst"):
        raw = bytearray(table.read_bytes())
        raw[100] ^= 0xFF
        table.write_bytes(raw)


def test_a_node_alone_with_a_damaged_store_applies_its_log_again(single):
    customer = single.customer("anna", **FUNDS)
    orders = place(customer, 20)
    assert single.kill(0, signal.SIGTERM) == 0
    break_tables(single)
    rebuilds(single, customer, orders)


def test_a_node_alone_with_a_damaged_store_and_half_a_log_refuses_to_start():
    cluster = Cluster(nodes=1)
    with cluster.environment(lambda _: SMALL), cluster:
        customer = cluster.customer("anna", **FUNDS)
        first = cluster.folder / "node1" / "log"
        oldest = min(p.name for p in first.iterdir())

        def is_cut():
            place(customer, 20)
            customer.send("DELETE", "/api/v3/openOrders", {"symbol": "BTCUSDT"})
            return not (first / oldest).exists()

        until(60, "the log is never cut", is_cut)
        assert cluster.kill(0, signal.SIGTERM) == 0
        break_tables(cluster)
        refuses_to_start(cluster)


def test_a_snapshot_with_a_wrong_row_is_found_and_not_restored(single):
    customer = single.customer("anna", **FUNDS)
    orders = place(customer, 20)
    good = ok(single, "snapshot", "save")
    node = single.folder / "node1"
    code, out, err = offline("snapshot", "verify", node)
    assert code == DONE and "whole" in out, err
    strike(single, customer=customer)
    wrong = ok(single, "snapshot", "save")
    assert wrong["directory"] != good["directory"]
    code, out, err = offline("snapshot", "verify", node)
    assert code == FAILED
    assert len([line for line in out.splitlines() if line.startswith("damage")]) == 1, out
    assert "do not add up" in out and len(err.strip().splitlines()) == 1

    new = single.folder / "new"
    code, _, err = offline(
        "snapshot", "restore", wrong["directory"], "--data-dir", new, "--id", "1")
    assert code == FAILED and "do not add up" in err and len(err.strip().splitlines()) == 1
    code, _, err = offline(
        "snapshot", "restore", good["directory"], "--data-dir", new, "--id", "1")
    assert code == DONE, err

    single.kill(0)
    single.start(0, **{"--data-dir": new})
    single.wait_ready()
    assert {o["orderId"] for o in customer.orders("BTCUSDT")} == set(orders)
    assert place(customer, 1)[0] > max(orders)
    code, out, err = offline("snapshot", "status", node, "-o", "json")
    assert code == DONE and '"level":0' not in out.replace(" ", "") and '"level"' in out, out + err


@pytest.fixture
def lost():
    """One node of three is left, and its log has lost its end: it ends before what the state store covers."""
    cluster = Cluster()
    with cluster.environment(lambda _: SMALL), cluster:
        customer = cluster.customer("anna", **FUNDS)
        cluster.wait_level()
        orders = place(customer, 60)
        cluster.wait_level()
        for node in (0, 1, 2):
            assert cluster.kill(node, signal.SIGTERM) == 0
            cluster.processes[node] = None
        yield cluster, customer, orders


def cut_short(cluster):
    """Damages node 1's log in its first block that holds entries."""
    segments = sorted((cluster.folder / "node1" / "log").glob("*.segment"))
    used = [s for s in segments if s.read_bytes().rstrip(b"\0")]
    for segment in used:
        raw = bytearray(segment.read_bytes())
        end = len(bytes(raw).rstrip(b"\0"))
        for at in range(4096 + 200, end, 512):
            raw[at] ^= 0x55
        segment.write_bytes(raw)


def begin_anew(cluster, *more):
    directory = cluster.folder / "node1"
    code, out, err = offline(
        "recover", "force-new-cluster", "--data-dir", directory, *more, "--confirm", "no")
    if "lose everything after" not in out and code == FAILED and "not confirmed" not in err:
        return code, out, err
    kept = out.split("Kept: everything up to index ")[1].split(",")[0]
    return offline(
        "recover", "force-new-cluster", "--data-dir", directory, *more,
        "--confirm", f"lose everything after {kept}")


def alone(cluster):
    cluster.start(0)
    cluster.wait_ready()


def test_a_cluster_is_begun_anew_from_one_node(lost):
    cluster, customer, orders = lost
    code, out, err = begin_anew(cluster)
    assert code == DONE, err
    alone(cluster)
    assert {o["orderId"] for o in customer.orders("BTCUSDT")} == set(orders)
    assert place(customer, 1)[0] > max(orders)
    takes_a_member(cluster)


def takes_a_member(cluster):
    """A new node joins the cluster of one, votes, and serves what the cluster holds."""
    joined = cluster.grow()
    cluster.start(joined)
    number = str(joined + 1)
    until(20, "the new node knocks at nobody's door", lambda: exctl(
        cluster, "member", "add", number)[0] == DONE)
    until(30, "it never votes", lambda: (joined + 1, "voter") in [
        (m["id"], m["standing"]) for m in ok(cluster, "member", "list")])
    cluster.wait_ready()
    cluster.check_hashes()


def test_a_cluster_is_begun_anew_from_one_node_that_never_flushed():
    # Its state covers nothing: all is replayed from the log, by whoever joins too.
    with Cluster() as cluster:
        customer = cluster.customer("anna", **FUNDS)
        cluster.wait_level()
        orders = place(customer, 20)
        cluster.wait_level()
        for node in (0, 1, 2):
            cluster.kill(node)
            cluster.processes[node] = None
        code, out, err = begin_anew(cluster)
        assert code == DONE, err
        alone(cluster)
        assert {o["orderId"] for o in customer.orders("BTCUSDT")} == set(orders)
        takes_a_member(cluster)


def test_a_cluster_is_begun_anew_from_a_state_that_its_log_does_not_reach(lost):
    cluster, customer, orders = lost
    cut_short(cluster)
    code, out, err = begin_anew(cluster)
    assert code == DONE, out + err
    assert "damaged" in out
    alone(cluster)
    assert {o["orderId"] for o in customer.orders("BTCUSDT")} == set(orders)
    assert place(customer, 1)[0] > max(orders)
    # It goes on through a restart.
    cluster.kill(0)
    alone(cluster)
    assert len(customer.orders("BTCUSDT")) == len(orders) + 1


def test_no_cluster_is_begun_from_a_state_that_does_not_add_up(lost):
    cluster, customer, orders = lost
    copy = cluster.folder / "copy"
    shutil.copytree(cluster.folder / "node1", copy)
    for table in (cluster.folder / "node1" / "state").glob("*.sst"):
        raw = bytearray(table.read_bytes())
        raw[100] ^= 0xFF
        table.write_bytes(raw)
    before = {p: p.read_bytes() for p in sorted(pathlib.Path(cluster.folder / "node1").glob("*"))
              if p.is_file()}
    code, _, err = begin_anew(cluster)
    assert code == FAILED and len(err.strip().splitlines()) == 1, err
    assert "restore a snapshot" in err
    after = {p: p.read_bytes() for p in sorted(pathlib.Path(cluster.folder / "node1").glob("*"))
             if p.is_file()}
    assert before == after
