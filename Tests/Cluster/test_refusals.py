"""A node that cannot start says why in one line and ends with a code other than zero."""

import secrets
import shutil
import socket
import subprocess
import time

import pytest

from castle import BUILD, Cluster


def run(command, seconds=20):
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)
    return done.returncode, (done.stderr + done.stdout).strip()


@pytest.fixture(scope="module")
def stopped():
    """A cluster that ran, took an order, and was stopped."""
    with Cluster() as cluster:
        buyer = cluster.customer("buyer", USDT=1_000_000)
        for i in range(20):
            buyer.order("BTCUSDT", "BUY", quantity="0.001", price=f"{50000 + i}")
        cluster.wait_level()
        for node in range(3):
            cluster.kill(node)
        yield cluster


def one_line(text):
    return len([line for line in text.splitlines() if line.strip()]) == 1


def test_an_unknown_flag(stopped):
    code, text = run(stopped.arguments(0) + ["--no-such-flag"])
    assert code != 0 and "--no-such-flag" in text


def test_an_unreadable_data_directory(stopped, tmp_path):
    path = tmp_path / "file"
    path.write_text("not a directory")
    code, text = run(stopped.arguments(0, **{"--data-dir": path}))
    assert code != 0 and one_line(text) and str(path) in text


def test_a_directory_of_another_node(stopped):
    code, text = run(stopped.arguments(0, **{"--data-dir": stopped.folder / "node2"}))
    assert code != 0 and one_line(text)
    assert "node 2" in text and "node 1" in text


def test_a_directory_of_another_cluster(stopped, tmp_path):
    genesis = tmp_path / "genesis.json"
    genesis.write_text(subprocess.run(
        [BUILD / "exctl", "genesis"], capture_output=True, text=True, check=True
    ).stdout.replace("castle-demo", "castle-other"))
    code, text = run(stopped.arguments(0, **{"--genesis": genesis}))
    assert code != 0 and one_line(text) and "genesis" in text


def test_a_port_in_use(stopped):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", stopped.client_ports[0]))
        taken.listen()
        code, text = run(stopped.arguments(0))
    assert code != 0 and str(stopped.client_ports[0]) in text.splitlines()[-1]


def test_a_readable_secret_file_is_refused(stopped, tmp_path):
    loose = tmp_path / "secret"
    loose.write_text(secrets.token_hex(32))
    loose.chmod(0o644)
    code, text = run(stopped.arguments(0, **{"--cluster-secret-file": loose}))
    assert code != 0 and one_line(text) and str(loose) in text


def test_a_peer_listener_off_loopback_needs_a_secret(stopped):
    code, text = run(stopped.arguments(
        0, **{"--cluster-secret-file": None, "--peer-listen": "0.0.0.0:19999"}))
    assert code != 0 and one_line(text) and "secret" in text


def damaged_copy(stopped, tmp_path, where):
    """Node 1's directory with one byte changed in the first used segment, `where` (0 to 1) into what was written."""
    copy = tmp_path / "node1"
    shutil.copytree(stopped.folder / "node1", copy)
    segment = sorted((copy / "log").glob("*"))[0]
    raw = bytearray(segment.read_bytes())
    used = len(bytes(raw).rstrip(b"\0"))
    at = int(used * where)
    raw[at] ^= 0x10
    segment.write_bytes(raw)
    return copy, segment


def test_a_damaged_log_is_reported_with_file_and_offset(stopped, tmp_path):
    copy, segment = damaged_copy(stopped, tmp_path, 0.5)
    code, text = run([str(BUILD / "exctl"), "log", "verify", str(copy)])
    assert code == 1 and segment.name in text and "offset" in text


def test_a_sound_log_verifies(stopped):
    code, text = run([str(BUILD / "exctl"), "log", "verify", str(stopped.folder / "node1")])
    assert code == 0, text


def test_a_peer_of_another_cluster_is_refused_and_named(tmp_path):
    with Cluster() as cluster:
        genesis = tmp_path / "genesis.json"
        genesis.write_text(subprocess.run(
            [BUILD / "exctl", "genesis"], capture_output=True, text=True, check=True
        ).stdout.replace("castle-demo", "castle-other"))
        leader = cluster.leader()
        stranger = (leader + 1) % 3
        cluster.kill(stranger)
        cluster.start(stranger, **{"--genesis": genesis, "--data-dir": cluster.folder / "stranger"})
        customer = cluster.customer("buyer", node=leader, USDT=1000)
        assert customer.balances(node=leader)["USDT"][0] == "1000.00000000"
        end = time.time() + 15
        while time.time() < end and "genesis" not in cluster.log(leader):
            time.sleep(0.1)
        assert "genesis" in cluster.log(leader)
        assert not cluster.status(stranger) or not cluster.status(stranger)["ready"]


def test_a_wiped_node_stays_out_and_says_how_it_is_replaced():
    with Cluster() as cluster:
        cluster.wait_level()
        leader = cluster.leader()
        wiped = (leader + 1) % 3
        cluster.kill(wiped)
        shutil.rmtree(cluster.folder / f"node{wiped + 1}")
        cluster.start(wiped)
        end = time.time() + 15
        while time.time() < end and "member replace" not in cluster.log(wiped):
            time.sleep(0.1)
        assert "member replace" in cluster.log(wiped)
        state = cluster.status(wiped)
        assert state is None or not state["ready"]
        customer = cluster.customer("buyer", node=leader, USDT=1000)
        assert customer.balances(node=leader)["USDT"][0] == "1000.00000000"


def test_a_wiped_node_that_may_only_join_founds_no_cluster_of_its_own():
    with Cluster(nodes=1) as single:
        single.wait_level()
        single.kill(0)
        shutil.rmtree(single.folder / "node1")
        # Alone among its --peers: without the setting it would begin anew, empty.
        single.start(0, **{"--cluster-state": "existing"})
        end = time.time() + 15
        while time.time() < end and "a cluster that exists" not in single.log(0):
            time.sleep(0.1)
        assert "a cluster that exists" in single.log(0)
        assert not single.status(0)["ready"]


def test_a_cluster_state_that_nobody_knows(stopped):
    code, text = run(stopped.arguments(0, **{"--cluster-state": "maybe"}))
    assert code != 0 and one_line(text) and "'maybe'" in text and "new, existing" in text
