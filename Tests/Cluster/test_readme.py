"""The README's own words are run: the demo starts, and the block that kills the leader shows the order on the other two."""

import json
import re
import subprocess

from castle import BUILD, ROOT, free_ports
from test_demo import Demo


def blocks():
    """The shell blocks of the README's first section."""
    text = (ROOT / "README.md").read_text()
    section = text.split("## Try it")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.S)


def test_the_first_result_stands_within_forty_lines():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 160
    assert any("kill -9" in line for line in lines[:40])


def test_the_block_that_kills_the_leader_shows_the_order_on_the_other_two(tmp_path):
    start, kill = blocks()
    assert start.strip() == "make run"
    ports = [free_ports(3)[0] for _ in range(3)]
    demo = Demo(tmp_path, ports)
    try:
        demo.wait("Castle is ready.")
        script = kill.replace("data/demo", str(tmp_path)).replace(".build/release", str(BUILD))
        for name in ("leader", "node"):
            script = script.replace(f":808${name}", f":$(({ports[0] - 1} + {name}))")
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script], cwd=ROOT, capture_output=True, text=True,
            timeout=60)
        assert done.returncode in (0, 1), done.stdout + done.stderr  # exctl status: one node is down
        answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        assert len(answers) == 3, done.stdout + done.stderr
        placed, *found = answers
        assert placed["status"] == "NEW"
        assert [a["orderId"] for a in found] == [placed["orderId"]] * 2
        assert all(a["status"] == "NEW" and a["clientOrderId"] == placed["clientOrderId"] for a in found)
    finally:
        demo.stop()
