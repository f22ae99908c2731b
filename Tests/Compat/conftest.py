"""A running cluster for the client tests, with a quoted book."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Cluster"))
from castle import Cluster  # noqa: E402


@pytest.fixture(scope="module")
def cluster():
    with Cluster() as running:
        running.maker = running.customer("maker", USDT=10_000_000, BTC=1000, ETH=1000)
        running.alice = running.customer("alice", USDT=1_000_000, BTC=10, ETH=10)
        for step in range(1, 11):
            for side, price in (("BUY", 60000 - 10 * step), ("SELL", 60000 + 10 * step)):
                running.maker.order("BTCUSDT", side, quantity="0.5", price=str(price))
        running.wait_level()
        yield running
