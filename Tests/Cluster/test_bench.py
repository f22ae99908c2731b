"""exbench's own checks: a replay that is equal passes, a broken one fails; load and failover prove what they print."""

import json
import pathlib
import shutil
import subprocess

import pytest

from castle import BUILD, ROOT

DATA = ROOT.parent / "shared" / "data"


def exbench(*arguments, seconds=400):
    data = ROOT / ".build" / "bench"
    done = subprocess.run(
        [str(BUILD / "exbench"), *arguments, "--spawn", "--data-dir", str(data)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)
    if done.returncode == 0:
        shutil.rmtree(data)
    return done.returncode, done.stdout, done.stderr


def test_a_generated_recording_replays_without_a_difference():
    code, out, err = exbench("replay", "--generate", "150", "--seed", "7")
    assert code == 0, err
    result = json.loads(out)["recordings"][0]
    assert result["differences"] == 0
    assert result["topsEqual"] + result["topsLeftOut"] == 150 and result["topsEqual"] > 140
    assert result["booksEqual"] >= 1 and result["fills"] > 20
    assert result["partial"] > 0 and result["none"] > 0


def test_the_same_with_the_leader_killed_on_the_way():
    code, out, err = exbench(
        "replay", "--generate", "400", "--seed", "8", "--kill-leader-every", "2s")
    assert code == 0, err
    result = json.loads(out)["recordings"][0]
    assert result["differences"] == 0 and result["leaderKills"] >= 1


@pytest.mark.parametrize("fault", ["dropped-cancel", "ignored-trade", "wrong-quantity"])
def test_a_planted_fault_fails_the_replay(fault):
    code, out, err = exbench("replay", "--generate", "150", "--seed", "7", "--plant", fault)
    assert code != 0 and err.strip()
    assert not out.strip()


@pytest.mark.parametrize("name", [
    "binance-spot-btcusdt-20240809.jsonl.gz", "binance-spot-ethusdt-20240809.jsonl.gz"])
def test_the_first_minute_of_recorded_data(name):
    path = pathlib.Path(DATA / name)
    if not path.exists():
        pytest.skip(f"{name} is not beside this repository; the generated recording stands in")
    code, out, err = exbench("replay", str(path), "--seconds", "60")
    assert code == 0, err
    result = json.loads(out)["recordings"][0]
    assert result["differences"] == 0 and result["topsEqual"] > 500


def test_a_short_load_verifies_itself():
    code, out, err = exbench("load", "--rate", "200", "--seconds", "3", "--connections", "12")
    assert code == 0, err
    result = json.loads(out)
    assert result["failures"] == 0 and result["executedShare"] >= 0.5


def test_a_wiped_node_is_replaced_under_load():
    code, out, err = exbench("repair", "--state-mib", "2", "--seconds", "2", "--rate", "50")
    assert code == 0, err
    result = json.loads(out)
    assert result["fill"]["stateMib"] >= 2 and len(result["snapshots"]["made"]) == 3
    assert all(made["bytes"] >= 2 << 20 for made in result["snapshots"]["made"])
    assert result["replacement"]["orders"] > 0


def test_two_failovers_lose_nothing():
    code, out, err = exbench("failover", "--kills", "2")
    assert code == 0, err
    result = json.loads(out)
    assert result["lost"] == 0 and result["kills"] == 2
