"""The demo (`make run`): it starts, survives the loss of a node, stops on request, and finds its data again."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

from castle import BUILD, ROOT, Unanswered, exchange, free_ports


class Demo:
    """One run of scripts/demo.sh with ports and a folder of its own."""

    def __init__(self, folder, ports):
        self.folder, self.ports = folder, ports
        client, peer, admin = ports
        environment = {
            **os.environ, "CASTLE_CLIENT_PORT": str(client), "CASTLE_PEER_PORT": str(peer),
            "CASTLE_ADMIN_PORT": str(admin), "CASTLE_DEMO_DIR": str(folder),
            "CASTLE_BUILD": str(BUILD)}
        self.output = folder / f"output-{time.time_ns()}.txt"
        with open(self.output, "wb") as out:
            self.process = subprocess.Popen(
                ["make", "-s", "run"], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, start_new_session=True)

    def text(self):
        return self.output.read_text(errors="replace")

    def wait(self, sentence, seconds=90):
        end = time.time() + seconds
        while sentence not in self.text():
            assert self.process.poll() is None and time.time() < end, self.text()
            time.sleep(0.05)

    def stop(self, how=signal.SIGINT):
        """As a terminal does: the signal goes to everyone."""
        os.killpg(self.process.pid, how)
        return self.process.wait(timeout=30)

    def key(self, account):
        return json.loads((self.folder / f"{account}.json").read_text())["apiKey"]

    def depth(self, node=0):
        status, _, book = exchange(self.ports[0] + node, "GET", "/api/v3/depth?symbol=BTCUSDT")
        assert status == 200, book
        return book


@pytest.fixture
def run():
    runs = []
    ports = [free_ports(3)[0] for _ in range(3)]
    folder = ROOT / ".build" / f"demo-{os.getpid()}-{time.time_ns()}"
    folder.mkdir()

    def start():
        runs.append(Demo(folder, ports))
        return runs[-1]

    start.ports = ports
    yield start
    for one in runs:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGTERM)
            one.process.wait(timeout=30)
    shutil.rmtree(folder, ignore_errors=True)


def test_the_demo_runs_twice_and_survives_the_loss_of_a_node(run):
    demo = run()
    demo.wait("Castle is ready.")
    for name in ("demo.env", "admin.token", "cluster.secret", "demo.json", "maker.json"):
        assert (demo.folder / name).stat().st_mode & 0o077 == 0, name
    text = demo.text()
    for account in ("demo", "maker"):
        assert demo.key(account) in text
    for wanted in ("curl ", "ccxt", "exctl status", f"http://127.0.0.1:{demo.ports[0] + 2}"):
        assert wanted in text
    key = demo.key("demo")
    quoted(demo)

    pid = int((demo.folder / "node1.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    demo.wait("Node 1 ended")
    before = demo.depth(node=1)["lastUpdateId"]
    end = time.time() + 30
    while demo.depth(node=1)["lastUpdateId"] == before:
        assert time.time() < end, "the book stands still"
        time.sleep(0.1)

    assert demo.stop() in (0, 2, -signal.SIGINT)
    assert not list(demo.folder.glob("node*.pid"))
    with pytest.raises(Exception):
        demo.depth(node=2)

    again = run()
    again.wait("Castle is ready.")
    assert again.key("demo") == key
    quoted(again)
    assert str((again.folder / "node1.pid").read_text().strip()) in again.text(), "the table shows its process"
    again.process.terminate()  # the script alone is told, not its nodes
    again.process.wait(timeout=30)
    with pytest.raises(Unanswered):
        again.depth()


def quoted(demo):
    """Waits until the market maker shows prices on both sides."""
    end = time.time() + 30
    while True:
        book = demo.depth()
        if book["bids"] and book["asks"]:
            return
        assert time.time() < end, (demo.folder / "maker.log").read_text()
        time.sleep(0.1)


def test_a_node_that_does_not_start_ends_the_demo_and_the_others(run):
    with socket.socket() as taken:
        # Bound, not listening: the demo's look at the ports cannot see it, the node does.
        taken.bind(("127.0.0.1", run.ports[2] + 2))
        demo = run()
        assert demo.process.wait(timeout=60) != 0
    assert "node 3 did not start" in demo.text() and str(run.ports[2] + 2) in demo.text()
    for node in range(2):
        with pytest.raises(Unanswered):
            demo.depth(node)


def test_a_port_in_use_is_one_line(tmp_path):
    port = free_ports(1)[0]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        done = subprocess.run(
            ["scripts/demo.sh"], cwd=ROOT, capture_output=True, text=True, timeout=30,
            env={**os.environ, "CASTLE_CLIENT_PORT": str(port), "CASTLE_BUILD": str(BUILD),
                 "CASTLE_DEMO_DIR": str(tmp_path)})
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and str(port) in done.stderr
