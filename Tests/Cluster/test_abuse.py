"""Hostile clients: nothing they send ends a node, makes an order, or is answered with anything but a refusal."""

import base64
import os
import random
import re
import socket
import struct
import threading
import time

import pytest

from castle import Cluster, Refused, exchange


@pytest.fixture(scope="module")
def cluster():
    with Cluster(nodes=1) as running:
        running.buyer = running.customer("buyer", USDT=1_000_000, BTC=10)
        yield running
        assert running.processes[0].poll() is None, running.log(0)[-2000:]
        assert running.public("/api/v3/ping") == {}


def raw(cluster, data, seconds=5):
    """Sends bytes and returns all that comes back until the node closes or is silent."""
    received = b""
    with socket.create_connection(("127.0.0.1", cluster.client_ports[0]), timeout=seconds) as s:
        try:
            s.sendall(data)
            s.settimeout(1.0)
            while chunk := s.recv(65536):
                received += chunk
        except (socket.timeout, ConnectionError):
            pass
    return received


SMUGGLED = b"GET /api/v3/time HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize("framing", [
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"Content-Length: 5, 5\r\n\r\nhello",
    b"Content-Length: +5\r\n\r\nhello",
    b"Content-Length: -1\r\n\r\n",
    b"Content-Length: 0x5\r\n\r\nhello",
    b"Content-Length: 99999999999999999999\r\n\r\nhello",
    b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"X: a\r\n folded\r\nContent-Length: 0\r\n\r\n",
    b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
])
def test_ambiguous_framing_is_refused_and_the_connection_ends(cluster, framing):
    answer = raw(cluster, HEAD + framing + SMUGGLED)
    assert b"serverTime" not in answer, answer
    assert answer == b"" or answer.split(b" ")[1][:1] in (b"4", b"5"), answer


def test_oversized_heads_and_bodies_are_refused(cluster):
    for data in (
        b"GET /api/v3/time HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n",
        b"GET /api/v3/time HTTP/1.1\r\n" + b"".join(b"X%d: y\r\n" % i for i in range(20_000)) + b"\r\n",
        HEAD + b"Content-Length: 10000000\r\n\r\n" + b"a" * 200_000,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + b"a" * 65536 + b"\r\n" * 1 + b"10000\r\n"
        + b"a" * 65536 + b"\r\n",
    ):
        answer = raw(cluster, data)
        assert b"HTTP/1.1 200" not in answer


def test_unknown_methods_and_routes(cluster):
    port = cluster.client_ports[0]
    assert exchange(port, "TRACE", "/api/v3/time")[0] in (400, 405, 501)
    assert exchange(port, "PUT", "/api/v3/time")[0] == 405
    status, _, body = exchange(port, "GET", "/api/v3/nonsense")
    assert status == 404 and isinstance(body, dict)
    assert exchange(port, "GET", "/../../etc/passwd")[0] in (400, 404)


VALUES = ["", " ", "+1", "-1", "1e5", "NaN", "Infinity", "0x10", "1,5", "1.", ".5", "9" * 400, "٣", "%00", "1%0a",
          "%zz", "%ff", "1&quantity=2", "0", "0.0", "null", "true", "[]", "{}", "'", "\"", "<", "1" + "0" * 19]


@pytest.mark.parametrize("field", ["quantity", "price", "symbol", "side", "type", "timeInForce", "recvWindow",
                                   "newClientOrderId", "newOrderRespType"])
def test_malformed_values_are_refused_with_a_code_and_make_no_order(cluster, field):
    import hashlib
    import hmac
    buyer = cluster.buyer
    for value in VALUES:
        if field == "newClientOrderId" and re.fullmatch(r"[a-zA-Z0-9-_]{1,36}", value):
            continue  # a fine client order id
        params = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
                  "quantity": "0.001", "price": "50000", "recvWindow": "5000"}
        params[field] = value
        query = "&".join(f"{k}={v}" for k, v in params.items()) + f"&timestamp={int(time.time() * 1000)}"
        raw_query = query.encode()
        signature = hmac.new(buyer.secret.encode(), raw_query, hashlib.sha256).hexdigest()
        data = (b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nX-MBX-APIKEY: " + buyer.key.encode()
                + b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (len(raw_query) + 75)
                + raw_query + b"&signature=" + signature.encode())
        answer = raw(cluster, data, seconds=10)
        assert answer.startswith(b"HTTP/1.1 4"), (field, value, answer[:300])
        assert b'"code":-' in answer, (field, value, answer)
    assert buyer.orders("BTCUSDT") == []


def test_random_bytes_never_end_the_node(cluster):
    chance = random.Random(5)
    for _ in range(60):
        raw(cluster, chance.randbytes(chance.randint(1, 2000)), seconds=2) if chance.random() < 0.3 else None
        with socket.create_connection(("127.0.0.1", cluster.client_ports[0]), timeout=2) as s:
            s.sendall(chance.randbytes(chance.randint(1, 300)))
    assert cluster.public("/api/v3/ping") == {}


def test_strangers_on_the_peer_port_have_no_effect(cluster):
    chance = random.Random(6)
    for _ in range(30):
        with socket.create_connection(("127.0.0.1", cluster.peer_ports[0]), timeout=2) as s:
            s.sendall(chance.randbytes(chance.randint(1, 5000)))
    assert cluster.status(0)["ready"]


def test_silent_strangers_on_the_peer_port_keep_nobody_out(cluster):
    silent = [socket.create_connection(("127.0.0.1", cluster.peer_ports[0]), timeout=5) for _ in range(400)]
    try:
        for s in silent[-3:]:
            # A node begins with its challenge; whom it does not want, it hangs up on.
            assert len(s.recv(4096)) > 32
    finally:
        for s in silent:
            s.close()


def test_a_request_that_never_ends_is_cut_however_slowly_it_comes(cluster):
    with socket.create_connection(("127.0.0.1", cluster.client_ports[0])) as s:
        s.sendall(b"GET /api/v3/time HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        s.settimeout(0.1)
        for _ in range(600):
            try:
                s.sendall(b"a")
                if s.recv(1) == b"":
                    return
            except ConnectionError:
                return
            except socket.timeout:
                pass
    raise AssertionError("a request may take for ever")


def test_connections_that_ended_leave_no_memory_behind(generous):
    def connections(count):
        for _ in range(count):
            with socket.create_connection(("127.0.0.1", generous.client_ports[0]), timeout=5) as s:
                s.sendall(b"GET /api/v3/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                while s.recv(65536):
                    pass

    connections(3000)
    before = gauge(generous, "resident_bytes")
    connections(10_000)
    # One that stays behind takes 2.4 KB and more.
    assert gauge(generous, "resident_bytes") - before < 12 << 20


class NarrowCluster(Cluster):
    """Nodes that the system gives few open files. Small segments: a node needs a new file every few orders."""

    def arguments(self, node, **changes):
        return ["prlimit", "--nofile=400:400"] + super().arguments(node, **changes)


def test_connections_never_take_the_files_that_the_node_needs_for_itself():
    narrow = NarrowCluster(nodes=1)
    with narrow.environment(lambda node: {"EXNODE_DRILL_SEGMENT_KIB": "16"}), narrow:
        buyer = narrow.customer("buyer", USDT=1_000_000)
        held = []
        try:
            for _ in range(500):
                held.append(socket.create_connection(("127.0.0.1", narrow.client_ports[0]), timeout=5))
            # Those that are too many are closed, and one that is open goes on.
            assert eventually(lambda: 0 < gauge(narrow, "http_connections") <= 250)
            files = len(os.listdir(f"/proc/{narrow.processes[0].pid}/fd"))
            assert files < 350, files
            for i in range(60):
                query = buyer.sign({
                    "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
                    "quantity": "0.001", "price": str(20_000 + i)})
                held[0].sendall(
                    f"POST /api/v3/order?{query} HTTP/1.1\r\nHost: x\r\nX-MBX-APIKEY: {buyer.key}\r\n"
                    "Content-Length: 0\r\n\r\n".encode())
                assert held[0].recv(65536).startswith(b"HTTP/1.1 200")
        finally:
            for s in held:
                s.close()
        assert narrow.processes[0].poll() is None, narrow.log(0)[-2000:]


def test_half_open_connections_do_not_disturb_others(cluster):
    sockets = [socket.create_connection(("127.0.0.1", cluster.client_ports[0])) for _ in range(300)]
    try:
        for s in sockets:
            s.sendall(b"GET /api/v3/time HTT")
        started = time.time()
        for _ in range(20):
            assert cluster.public("/api/v3/ping") == {}
        assert time.time() - started < 10
    finally:
        for s in sockets:
            s.close()


def websocket(cluster, path="/ws"):
    s = socket.create_connection(("127.0.0.1", cluster.client_ports[0]), timeout=5)
    key = base64.b64encode(os.urandom(16)).decode()
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += s.recv(1)
    assert head.startswith(b"HTTP/1.1 101"), head
    return s


def text_frame(text, masked=True):
    data = text.encode()
    first = bytes([0x81])
    mask = os.urandom(4) if masked else b""
    bit = 0x80 if masked else 0
    length = bytes([bit | len(data)]) if len(data) < 126 else bytes([bit | 126]) + struct.pack(">H", len(data))
    body = bytes(b ^ mask[i % 4] for i, b in enumerate(data)) if masked else data
    return first + length + mask + body


def read_until_closed(s, seconds=10):
    s.settimeout(seconds)
    received = b""
    try:
        while chunk := s.recv(65536):
            received += chunk
        return received, True
    except ConnectionError:
        return received, True
    except socket.timeout:
        return received, False


@pytest.mark.parametrize("frame", [
    text_frame('{"method":"SUBSCRIBE"}', masked=False),
    bytes([0x83, 0x80]) + os.urandom(4),
    bytes([0x81, 0xFF]) + struct.pack(">Q", 1 << 40) + os.urandom(4),
    bytes([0xF1, 0x80]) + os.urandom(4),
])
def test_bad_frames_end_the_connection(cluster, frame):
    s = websocket(cluster)
    s.sendall(frame)
    _, closed = read_until_closed(s)
    assert closed


@pytest.mark.parametrize("bad", [0x80, 0x00, 0xF1])
def test_what_follows_a_bad_frame_is_not_looked_at(cluster, bad):
    s = websocket(cluster)
    s.sendall(bytes([bad, 0x80]) + os.urandom(4)
              + text_frame('{"method":"SUBSCRIBE","params":["btcusdt@trade","btcusdt@depth"],"id":1}'))
    received, closed = read_until_closed(s)
    assert closed and b"result" not in received
    assert eventually(lambda: gauge(cluster, "stream_subscriptions") == 0)


def test_a_message_flood_ends_the_connection(cluster):
    s = websocket(cluster)
    try:
        for i in range(100):
            s.sendall(text_frame('{"method":"LIST_SUBSCRIPTIONS","id":%d}' % i))
    except ConnectionError:
        pass
    _, closed = read_until_closed(s)
    assert closed


def test_bad_control_messages_get_an_error_and_the_connection_stays(cluster):
    for text, code in [("{", 3), ("[]", 2), ('{"method":"NOPE","id":1}', 2), ('{"id":1}', 2)]:
        s = websocket(cluster)
        s.sendall(text_frame(text))
        s.settimeout(5)
        answer = s.recv(4096)
        assert b'"code":%d' % code in answer, (text, answer)
        s.sendall(text_frame('{"method":"LIST_SUBSCRIPTIONS","id":"x"}'))
        assert b'"id":"x"' in s.recv(4096)
        s.close()


def test_one_ip_is_limited_by_weight_with_retry_after():
    with Cluster(nodes=1, extra=["--request-weight-per-minute", "50"]) as small:
        seen = None
        for _ in range(60):
            status, headers, body = exchange(small.client_ports[0], "GET", "/api/v3/exchangeInfo")
            if status != 200:
                seen = (status, headers, body)
                break
            assert int(headers["X-MBX-USED-WEIGHT-1M"]) <= 50
        assert seen and seen[0] == 429 and seen[2]["code"] == -1003
        assert 1 <= int(seen[1]["Retry-After"]) <= 60


def test_an_account_is_limited_in_orders(cluster):
    body = {"name": "slow", "permissions": ["trade"], "limits": {"per10Seconds": 2, "perDay": 3}}
    made = cluster.admin("POST", "/admin/v1/accounts", body)
    cluster.admin("POST", "/admin/v1/deposits", {
        "account": "slow", "asset": "USDT", "amount": "1000", "id": "slow-1"})
    from castle import Customer
    slow = Customer(cluster, "slow", made["apiKey"], made["secretKey"], made["accountId"])
    with pytest.raises(Refused) as refused:
        for i in range(4):
            slow.order("BTCUSDT", "BUY", quantity="0.001", price=f"{10000 + i}")
    assert (refused.value.status, refused.value.code) == (429, -1015)


def gauge(cluster, name, node=0):
    text = cluster.admin("GET", "/metrics", node=node)
    text = text.decode() if isinstance(text, bytes) else str(text)
    return int(re.search(rf"^castle_{name} (\d+)$", text, re.M).group(1))


def eventually(check, seconds=10):
    end = time.time() + seconds
    while time.time() < end:
        if check():
            return True
        time.sleep(0.02)
    return False


def test_one_connection_has_at_most_64_requests_under_way_and_all_are_answered_in_order():
    """Reads wait while there is no leader; what is pipelined behind the first 64 must stay where it is."""
    with Cluster(nodes=3, extra=["--request-weight-per-minute", "1000000"]) as three:
        customer = three.customer("patient")
        leader = three.leader()
        for node in range(3):
            if node != leader:
                three.kill(node)
        assert eventually(lambda: three.status(leader)["role"] != "leader")
        burst = 1500
        requests = b"".join(
            b"GET /api/v3/order?" + customer.sign({"symbol": "BTCUSDT", "orderId": 1 + i}).encode()
            + b" HTTP/1.1\r\nHost: x\r\nX-MBX-APIKEY: " + customer.key.encode() + b"\r\n\r\n"
            if i % 2 == 0 else b"GET /api/v3/nowhere%d HTTP/1.1\r\nHost: x\r\n\r\n" % i
            for i in range(burst))
        with socket.create_connection(("127.0.0.1", three.client_ports[leader])) as s:
            s.settimeout(1)
            sent = 0
            try:
                while sent < len(requests):
                    sent += s.send(requests[sent:])
            except socket.timeout:
                pass
            assert eventually(lambda: gauge(three, "http_waiting", leader) > 0)
            for _ in range(20):
                # Every other request needs an answer from elsewhere.
                assert gauge(three, "http_waiting", leader) <= 32
                time.sleep(0.02)
            for node in range(3):
                if node != leader:
                    three.start(node)
            s.settimeout(30)
            answers = b""
            # The last request says so itself.
            pending = requests[sent:] + b"GET /api/v3/time HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            writer = threading.Thread(target=s.sendall, args=(pending,))
            writer.start()
            while chunk := s.recv(1 << 20):
                answers += chunk
            writer.join()
        statuses = [int(code) for code in re.findall(rb"HTTP/1\.1 (\d+) ", answers)]
        assert len(statuses) == burst + 1 and statuses[-1] == 200
        assert set(statuses[1:burst:2]) == {404}
        # Not found, or waited for too long; by the end there is a leader again.
        assert set(statuses[0:burst:2]) <= {400, 503} and 400 in statuses


def test_pipelined_requests_in_any_pieces_are_all_answered_in_order(cluster):
    chance = random.Random(7)
    count = 400
    requests = b"".join(
        b"GET /api/v3/depth?symbol=BTCUSDT&limit=%d HTTP/1.1\r\nHost: x\r\n\r\n" % (1 + i % 50) if i % 3 else
        b"POST /api/v3/nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"y" * 1000
        for i in range(count)) + b"BAD\r\n\r\n" + SMUGGLED
    with socket.create_connection(("127.0.0.1", cluster.client_ports[0]), timeout=20) as s:
        at = 0
        while at < len(requests):
            size = chance.choice([1, 7, 900, 4096, 5000, 60_000])
            s.sendall(requests[at : at + size])
            at += size
        answers = b""
        while chunk := s.recv(1 << 20):
            answers += chunk
    statuses = [int(code) for code in re.findall(rb"HTTP/1\.1 (\d+) ", answers)]
    assert statuses == [200 if i % 3 else 404 for i in range(count)] + [400]
    assert b"serverTime" not in answers


@pytest.fixture()
def generous():
    with Cluster(nodes=1, extra=["--request-weight-per-minute", "100000000"]) as running:
        yield running


def test_runs_are_stored_before_a_flood_of_queries_is_answered(generous):
    """Nobody's reads keep what was traded from being stored."""
    cluster = generous
    makers = [cluster.customer(f"maker{i}", USDT=10_000_000) for i in range(2)]
    for i in range(300):
        makers[i % 2].order("BTCUSDT", "BUY", quantity="0.001", price=str(20_000 + i), newOrderRespType="ACK")
    burst = b"GET /api/v3/depth?symbol=BTCUSDT&limit=5000 HTTP/1.1\r\nHost: x\r\n\r\n" * 16
    ended = threading.Event()

    def flood():
        """Asks again for as long as the test lasts, and always before the last answer is read."""
        asked = []
        for _ in range(30):
            asked.append(socket.create_connection(("127.0.0.1", cluster.client_ports[0]), timeout=20))
            asked[-1].sendall(burst)
        while not ended.is_set():
            for s in asked:
                answers = s.recv(1 << 20).count(b"HTTP/1.1 ")
                s.sendall(burst[: len(burst) // 16] * answers)
        for s in asked:
            s.close()

    reads = gauge(cluster, "reads_total")
    askers = [threading.Thread(target=flood) for _ in range(4)]
    for asker in askers:
        asker.start()
    try:
        assert eventually(lambda: gauge(cluster, "reads_total") > reads + 500)
        for i in range(10):
            before = gauge(cluster, "stored_index")
            makers[0].order("BTCUSDT", "BUY", quantity="0.001", price=str(19_000 + i), newOrderRespType="ACK")
            assert eventually(lambda: gauge(cluster, "stored_index") > before)
    finally:
        ended.set()
        for asker in askers:
            asker.join()


def test_an_address_has_a_bounded_number_of_connections():
    flags = ["--connections-per-address", "20", "--websocket-connections-per-address", "3"]
    with Cluster(nodes=1, extra=flags) as small:
        port = small.client_ports[0]
        ask = b"GET /api/v3/ping HTTP/1.1\r\nHost: x\r\n\r\n"

        def served(s):
            s.settimeout(5)
            try:
                s.sendall(ask)
                return s.recv(4096).startswith(b"HTTP/1.1 200")
            except ConnectionError:
                return False

        streams = [websocket(small) for _ in range(3)]
        with pytest.raises(AssertionError):
            websocket(small)
        # WebSockets have a share of their own, and give the HTTP share back.
        held = []
        assert eventually(lambda: gauge(small, "http_connections") <= 1)
        for _ in range(20):
            held.append(socket.create_connection(("127.0.0.1", port)))
            assert served(held[-1])
        with socket.create_connection(("127.0.0.1", port)) as s:
            assert not served(s)
        assert gauge(small, "connections_refused_total") >= 1
        assert small.status(0)["ready"]
        for s in held[:5] + streams[:1]:
            s.close()

        def again():
            with socket.create_connection(("127.0.0.1", port)) as s:
                return served(s)

        assert eventually(again)
        streams.append(websocket(small))
        for s in held + streams:
            s.close()


def test_subscriptions_of_an_address_are_bounded_and_given_back(generous):
    cluster = generous

    def names(connection, count):
        listed = ",".join(f'"s{connection}x{i}@trade"' for i in range(count))
        return '{"method":"SUBSCRIBE","params":[%s],"id":1}' % listed

    def subscribe(i, count):
        s = websocket(cluster)
        s.settimeout(5)
        s.sendall(text_frame(names(i, count)))
        return s, s.recv(4096)

    unknown = websocket(cluster)
    listed = ",".join(f'"no{i}"' for i in range(2000))
    unknown.sendall(text_frame('{"method":"SUBSCRIBE","params":[%s],"id":7}' % listed))
    unknown.settimeout(5)
    assert b'{"result":null,"id":7}' in unknown.recv(4096)
    assert gauge(cluster, "stream_subscriptions") == 0
    opened = [unknown]
    try:
        for i in range(48):
            s, answer = subscribe(i, 1024)
            opened.append(s)
            assert b'"result":null' in answer
        assert gauge(cluster, "stream_subscriptions") == 48 * 1024
        s, _ = subscribe(48, 1024)
        _, closed = read_until_closed(s)
        assert closed
        assert eventually(lambda: gauge(cluster, "stream_subscriptions") == 48 * 1024)
    finally:
        for s in opened:
            s.close()
    assert eventually(lambda: gauge(cluster, "stream_subscriptions") == 0)
