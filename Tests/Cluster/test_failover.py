"""The first promise: an acknowledged order survives the leader, exactly once, on every node.

Customers on all nodes place, cancel and repeat orders while the leader is killed again and again. Everything is proved
from the outside, from what the nodes answer.
"""

import collections
import decimal
import random
import threading
import time
import uuid

from castle import Cluster, Refused, Unanswered

D = decimal.Decimal
KILLS = 6
FUNDS = {"BTC": 1000, "USDT": 50_000_000}


class Trader(threading.Thread):
    """Sends one order at a time to its node, and to the next one when that is gone."""

    def __init__(self, customer, node, seed):
        super().__init__(daemon=True)
        self.customer, self.node = customer, node
        self.random = random.Random(seed)
        self.acknowledged, self.unknown, self.sent = {}, {}, set()
        self.fills = 0
        self.stop = False
        self.error = None

    def run(self):
        try:
            while not self.stop:
                self.one()
        except Exception as error:  # reported by the test
            self.error = error

    def one(self):
        name = uuid.uuid4().hex
        self.sent.add(name)
        params = {
            "symbol": "BTCUSDT", "side": self.random.choice(["BUY", "SELL"]), "type": "LIMIT",
            "timeInForce": self.random.choice(["GTC", "IOC"]),
            "quantity": f"{self.random.randint(10, 90) / 10000:.5f}",
            "price": f"{60000 + self.random.randint(-20, 20)}.00",
            "newClientOrderId": name, "newOrderRespType": "FULL"}
        signed = self.customer.sign(params, recv_window=10_000)
        attempts = 2 if self.random.random() < 0.1 else 1
        for attempt in range(attempts):
            try:
                order = self.customer.send_signed("POST", "/api/v3/order", signed, self.node)
            except Unanswered:
                self.unknown[name] = params
                self.node = (self.node + 1) % 3
                return
            except Refused as refusal:
                assert refusal.status >= 500, refusal
                self.unknown[name] = params
                self.node = (self.node + 1) % 3
                return
            known = self.acknowledged.get(name)
            if known is not None:
                assert known == order["orderId"], "a repeated request made a second order"
            else:
                self.acknowledged[name] = order["orderId"]
                self.fills += len(order["fills"])
            if order["status"] == "NEW" and self.random.random() < 0.5:
                self.cancel(order["orderId"])

    def cancel(self, order_id):
        try:
            self.customer.cancel("BTCUSDT", self.node, orderId=order_id)
        except (Unanswered, Refused):
            pass  # filled meanwhile, or unknown: the order's end is checked below


def test_no_acknowledged_order_is_lost_when_leaders_die():
    with Cluster() as cluster:
        customers = [cluster.customer(f"trader{i}", **FUNDS) for i in range(3)]
        cluster.wait_level()
        traders = [Trader(c, i, seed=i) for i, c in enumerate(customers)]
        for trader in traders:
            trader.start()
        for _ in range(KILLS):
            time.sleep(1.0)
            leader = cluster.leader()
            cluster.kill(leader)
            time.sleep(1.0)
            cluster.start(leader)
            cluster.wait_ready()
        time.sleep(0.5)
        for trader in traders:
            trader.stop = True
        for trader in traders:
            trader.join(timeout=40)
            assert trader.error is None, trader.error
            assert not trader.is_alive()
        prove(cluster, traders)


def prove(cluster, traders):
    cluster.check_hashes()
    assert sum(len(t.acknowledged) for t in traders) > 100, "the traders did not trade"
    reference = None
    for node in range(3):
        seen = {t.customer.name: (t.customer.orders("BTCUSDT", node),
                                  t.customer.trades("BTCUSDT", node),
                                  t.customer.balances(node)) for t in traders}
        if reference is None:
            reference = seen
        assert seen == reference, f"node {node + 1} shows something else than node 1"
    totals = collections.defaultdict(D)
    sides = collections.defaultdict(list)
    executed_unknown = 0
    for trader in traders:
        orders, trades, balances = reference[trader.customer.name]
        names = collections.Counter(o["clientOrderId"] for o in orders)
        assert all(count == 1 for count in names.values()), "an order exists twice"
        missing = set(trader.acknowledged) - set(names)
        assert not missing, f"{len(missing)} acknowledged orders are lost"
        assert set(names) <= trader.sent, "an order that nobody sent"
        for order in orders:
            acknowledged = trader.acknowledged.get(order["clientOrderId"])
            assert acknowledged in (None, order["orderId"])
        executed_unknown += len(set(names) - set(trader.acknowledged))
        check_fills(orders, trades)
        check_account(trader, orders, trades, balances)
        for trade in trades:
            sides[trade["id"]].append(trade)
        for asset, (free, locked) in balances.items():
            totals[asset] += D(free) + D(locked)
    for trade_id, pair in sides.items():
        assert len(pair) == 2, f"trade {trade_id} has {len(pair)} sides"
        assert {p["isBuyer"] for p in pair} == {True, False}
        assert pair[0]["qty"] == pair[1]["qty"] and pair[0]["price"] == pair[1]["price"]
    assert sorted(sides) == list(range(1, len(sides) + 1)), "trade ids have gaps"
    assert sum(t.fills for t in traders) <= len(sides)
    fees = collections.defaultdict(D)
    for trader in traders:
        for trade in reference[trader.customer.name][1]:
            fees[trade["commissionAsset"]] += D(trade["commission"])
    for asset, amount in FUNDS.items():
        assert totals[asset] + fees[asset] == 3 * D(amount), f"{asset} is not conserved"


def check_fills(orders, trades):
    by_order = collections.defaultdict(list)
    for trade in trades:
        by_order[trade["orderId"]].append(trade)
    for order in orders:
        fills = by_order.pop(order["orderId"], [])
        assert sum(D(f["qty"]) for f in fills) == D(order["executedQty"]), order
        assert sum(D(f["quoteQty"]) for f in fills) == D(order["cummulativeQuoteQty"]), order
        assert D(order["executedQty"]) <= D(order["origQty"])
    assert not by_order, "trades without an order"


def check_account(trader, orders, trades, balances):
    """The balance is what deposits, trades, fees and open orders make of it, to the last unit."""
    base, quote = D(FUNDS["BTC"]), D(FUNDS["USDT"])
    for trade in trades:
        sign = 1 if trade["isBuyer"] else -1
        base += sign * D(trade["qty"])
        quote -= sign * D(trade["quoteQty"])
        if trade["commissionAsset"] == "BTC":
            base -= D(trade["commission"])
        else:
            quote -= D(trade["commission"])
    locked_base = locked_quote = D(0)
    for order in orders:
        if order["status"] in ("NEW", "PARTIALLY_FILLED"):
            left = D(order["origQty"]) - D(order["executedQty"])
            if order["side"] == "SELL":
                locked_base += left
            else:
                locked_quote += left * D(order["price"])
    assert D(balances["BTC"][0]) + D(balances["BTC"][1]) == base, trader.customer.name
    assert D(balances["USDT"][0]) + D(balances["USDT"][1]) == quote, trader.customer.name
    assert D(balances["BTC"][1]) == locked_base
    assert D(balances["USDT"][1]) == locked_quote
