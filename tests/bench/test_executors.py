"""Blocks on other machines: over a real `sshd`, and through a `kubectl` that plays a cluster."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from bench_runs import head, simulated
from ssh_server import python_there, ssh_server

import tare as package
from tare.bench.executors import Lost, SshNode, gather, hosts
from tare.bench.journal import Journal, merge
from tare.bench.kubernetes import Kubectl, PodNode
from tare.bench.relay import Receiver, Relay
from tare.bench.result import Results
from tare.errors import MachineError, UsageError

SOURCE = str(Path(package.__file__).parents[1])
SUPPORT = str(Path(__file__).parents[1] / "support")
SIMULATED = """
import os, sys, time
from pathlib import Path
from bench_runs import simulated
from tare.bench.relay import Relay

block, directory, pause = sys.argv[-1], sys.argv[-3], float(sys.argv[1])
results = simulated({"slim": 0.0, "alpine": 0.2}, block=block, rounds=5)
relay = Relay(Path(directory), lambda line: (sys.stdout.write(line), sys.stdout.flush()))
Path(f"{block}.pid").write_text(str(os.getpid()))
relay.begin(results.run)
for number, sample in enumerate(results.samples):
    if number == 7 and block == "localhost" and pause:
        time.sleep(pause)
    relay.append((sample,))
relay.end()
"""
"""What a machine of these tests runs in the place of tare: results that are known beforehand."""


class Line:
    """A node that says fixed lines."""

    def __init__(self, block: str, lines: list[str]) -> None:
        self.block = block
        self._lines = lines

    def lines(self) -> Iterator[str]:
        yield from self._lines

    def why(self) -> str:
        return "the connection ended"

    def stop(self) -> None:
        self._lines = []


def expected(*blocks: str) -> Results:
    return merge(simulated({"slim": 0.0, "alpine": 0.2}, block=block, rounds=5) for block in blocks)


def sent(directory: Path, results: Results) -> list[str]:
    lines: list[str] = []
    relay = Relay(directory, lines.append)
    relay.begin(results.run)
    relay.append(results.samples)
    relay.end()
    return lines


@pytest.fixture
def two_machines(tmp_path: Path) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Give the client that reaches them, and what runs there."""
    (tmp_path / "there").mkdir()
    command = shlex.split(python_there(sys.executable, tmp_path / "there", SOURCE, SUPPORT))
    with ssh_server(tmp_path / "server") as client:
        yield client, (*command, "-c", SIMULATED)


def test_two_machines_over_ssh_give_what_their_blocks_give(
    tmp_path: Path, two_machines: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    client, command = two_machines
    nodes = [SshNode(host, client, (*command, "0"), "there") for host in hosts("127.0.0.1,localhost")]
    results, lost = gather(nodes, tmp_path / "here", lambda _: None)

    assert lost == []
    assert results == expected("127.0.0.1", "localhost")
    assert Journal(tmp_path / "here").read() == results
    for block in ("127.0.0.1", "localhost"):
        there = (tmp_path / "there" / "there" / block / "samples.jsonl").read_bytes()
        assert (tmp_path / "here" / "blocks" / block / "samples.jsonl").read_bytes() == there


def test_what_a_machine_sent_before_it_was_killed_is_kept(
    tmp_path: Path, two_machines: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    client, command = two_machines
    nodes = [SshNode(host, client, (*command, "60"), "there") for host in hosts("127.0.0.1,localhost")]
    killer = threading.Thread(target=_kill_after_seven, args=(tmp_path,))
    killer.start()
    results, lost = gather(nodes, tmp_path / "here", lambda _: None)
    killer.join()

    whole = expected("127.0.0.1", "localhost")
    assert [(each.block, each.samples) for each in lost] == [("localhost", 7)]
    assert {each.key for each in results.samples} < {each.key for each in whole.samples}
    assert len(results.samples) == 15 + 7

    again, lost = gather([SshNode(host, client, (*command, "0"), "there") for host in hosts("127.0.0.1,localhost")],
                         tmp_path / "here", lambda _: None)  # fmt: skip
    assert (again, lost) == (whole, [])


def _kill_after_seven(directory: Path) -> None:
    """Kill what runs for the block `localhost`, by the process id that it wrote down."""
    here = directory / "here" / "blocks" / "localhost" / "samples.jsonl"
    give_up = time.monotonic() + 30
    while not here.exists() or here.read_bytes().count(b"\n") < 7:
        assert time.monotonic() < give_up
        time.sleep(0.05)
    os.kill(int((directory / "there" / "localhost.pid").read_text()), signal.SIGKILL)


def test_a_host_that_is_not_reached_is_named_and_the_others_count(tmp_path: Path) -> None:
    good = Line("one", sent(tmp_path / "one", simulated({"slim": 0.0}, block="one")))
    dead = SshNode("dead", ("sh", "-c", "echo cannot resolve dead; exit 255"), ("tare",), "there")
    results, lost = gather([good, dead], tmp_path / "here", lambda _: None)

    assert lost == [Lost(block="dead", samples=0, why="the connection ended; cannot resolve dead")]
    assert len(results.samples) == 20


def test_results_are_refused_when_no_machine_measured_anything(tmp_path: Path) -> None:
    with pytest.raises(MachineError) as caught:
        gather([Line("one", ["sh: tare: not found\n"])], tmp_path / "here", lambda _: None)

    assert caught.value.causes == ("one: the connection ended; sh: tare: not found",)


class Interrupted(Line):
    """A node in the middle of whose lines a person ends the command."""

    def lines(self) -> Iterator[str]:
        yield from self._lines
        raise KeyboardInterrupt


def test_what_was_sent_before_an_interrupt_can_be_reported(tmp_path: Path) -> None:
    lines = sent(tmp_path / "one", simulated({"slim": 0.0}, block="one"))
    with pytest.raises(KeyboardInterrupt):
        gather([Interrupted("one", lines[:4])], tmp_path / "here", lambda _: None)

    assert len(Journal(tmp_path / "here").read().samples) == 3


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (
            "tare.bench/9 run {}",
            "`one` has another version of tare: it sends `tare.bench/9`, this one reads `tare.bench/1`",
        ),
        ("tare.bench/1 sample {}", "`one` sends what is no result"),
        ("tare.bench/1 run [", "`one` sends what is no result"),
    ],
)
def test_what_is_no_result_of_ours_is_an_error_of_that_machine_alone(tmp_path: Path, line: str, why: str) -> None:
    good = Line("two", sent(tmp_path / "two", simulated({"slim": 0.0}, block="two")))
    results, (lost,) = gather([Line("one", [line]), good], tmp_path / "here", lambda _: None)

    assert lost.why.startswith(why)
    assert {each.block for each in results.samples} == {"two"}


def test_a_machine_cannot_send_samples_of_another(tmp_path: Path) -> None:
    lines = sent(tmp_path / "two", simulated({"slim": 0.0}, block="two"))
    receiver = Receiver(Journal(tmp_path / "here"), "one")
    receiver.take(lines[0])

    with pytest.raises(UsageError) as caught:
        receiver.take(lines[1])
    assert caught.value.causes == ("they are of the block `two`",)


def test_results_of_other_images_do_not_replace_those_that_are_there(tmp_path: Path) -> None:
    Journal(tmp_path).begin(head("slim"))
    receiver = Receiver(Journal(tmp_path), "one")
    line = f"tare.bench/1 run {msgspec.json.encode(head('slim', 'alpine')).decode()}"

    with pytest.raises(UsageError):
        receiver.take(line)
    assert Journal(tmp_path).read().run == head("slim")


def test_the_remaining_time_of_the_slowest_machine_is_shown(tmp_path: Path) -> None:
    said: list[str] = []
    gather([Line("one", sent(tmp_path / "one", simulated({"slim": 0.0}, block="one")))], tmp_path / "here", said.append)

    assert said[0] == "one: 0 of 20 turns"
    assert said[10] == "one: 10 of 20 turns; about 1 s left"


@pytest.mark.parametrize("text", ["", "-oProxyCommand=x", "a b", "one,one", "me@one,one", "one;two"])
def test_names_of_hosts_are_nothing_else(text: str) -> None:
    with pytest.raises(UsageError):
        hosts(text)


KUBECTL = """
import json, sys
from pathlib import Path
here = Path(sys.argv[1])
words = sys.argv[2:]
if words[0] == "create":
    (here / "job.json").write_text(sys.stdin.read())
elif words[0] == "get":
    looks = here / "looks"
    number = len(looks.read_text()) if looks.exists() else 0
    looks.write_text("x" * (number + 1))
    sys.stdout.write(["", "Pending", "Running"][number] if number < 3 else "Succeeded")
else:
    lines = (here / "log").read_text().splitlines(keepends=True)
    # A connection that breaks while the log is followed.
    sys.stdout.write("".join(lines[:5] if "--follow=true" in words else lines))
"""


def test_a_pod_whose_log_breaks_off_is_read_again_and_nothing_counts_twice(tmp_path: Path) -> None:
    block = "bench-0"
    (tmp_path / "log").write_text(
        "a warning\n" + "".join(sent(tmp_path / "there", simulated({"slim": 0.0}, block=block)))
    )
    kubectl = Kubectl((sys.executable, "-c", KUBECTL, str(tmp_path)))
    results, lost = gather([PodNode(kubectl, "bench", 0, poll=0.01)], tmp_path / "here", lambda _: None)

    assert lost == []
    assert results == merge([simulated({"slim": 0.0}, block=block)])


GONE = """
import sys
from pathlib import Path
looks = Path(sys.argv[1]) / "looks"
if "logs" in sys.argv:
    sys.stdout.write((Path(sys.argv[1]) / "log").read_text())
else:
    looks.write_text(looks.read_text() + "x" if looks.exists() else "x")
    sys.stdout.write("Running" if len(looks.read_text()) < 4 else "")
"""


def test_a_pod_that_is_deleted_in_mid_run_is_lost_and_what_it_sent_is_kept(tmp_path: Path) -> None:
    whole = sent(tmp_path / "there", simulated({"slim": 0.0}, block="bench-0"))
    (tmp_path / "log").write_text("".join(whole[:6]))
    node = PodNode(Kubectl((sys.executable, "-c", GONE, str(tmp_path))), "bench", 0, poll=0.0)
    results, lost = gather([node], tmp_path / "here", lambda _: None)

    assert lost == [Lost(block="bench-0", samples=5, why="there is no pod")]
    assert len(results.samples) == 5


WAITING = """
import sys
path = sys.argv[-1]
sys.stdout.write("Pending" if "phase" in path else sys.argv[1] if "waiting" in path else "0/1 nodes are available")
"""


def test_a_pod_whose_image_is_not_there_is_given_up_at_once(tmp_path: Path) -> None:
    said = "ImagePullBackOff\tBack-off pulling image registry.example/tare:2"
    node = PodNode(Kubectl((sys.executable, "-c", WAITING, said)), "bench", 0, poll=0.01, ask=0.0)

    with pytest.raises(MachineError) as caught:
        list(node.lines())

    assert caught.value.message == "the pod cannot start"
    assert caught.value.causes == ("ImagePullBackOff: Back-off pulling image registry.example/tare:2",)


def test_a_pod_that_waits_for_a_node_is_asked_why(tmp_path: Path) -> None:
    node = PodNode(Kubectl((sys.executable, "-c", WAITING, "")), "bench", 0)
    pulled = PodNode(Kubectl((sys.executable, "-c", WAITING, "ContainerCreating\t")), "bench", 0)

    assert node._waits_for() == "0/1 nodes are available"
    assert pulled._waits_for() == "ContainerCreating"


def test_a_run_on_two_machines_is_one_command(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    remote = python_there(sys.executable, there, SOURCE) + " -m tare"
    with ssh_server(tmp_path / "server") as client:
        command = (
            "bench", "run", "--executor", "ssh:127.0.0.1,localhost", "--client", shlex.join(client), "--remote", remote,
            "--engine", "host", "--image", f"here={sys.executable}", "--workloads", "start", "--rounds", "1",
            "--output", str(tmp_path / "here"),
        )  # fmt: skip
        finished = subprocess.run(
            (sys.executable, "-m", "tare", *command), capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": SOURCE},
        )  # fmt: skip

    assert finished.returncode == 0, finished.stderr
    assert finished.stderr.endswith(f"samples of 2 machines are in {tmp_path / 'here'}\n")
    blocks = [Journal(there / "tare-bench" / "here" / block).read() for block in ("127.0.0.1", "localhost")]
    whole = Journal(tmp_path / "here").read()
    assert whole == merge(blocks)
    assert all(each.status == "ok" for each in whole.samples)


def test_a_dry_run_shows_what_machines_would_be_told() -> None:
    command = ("bench", "run", "--image", "deb:trixie", "--rounds", "3", "--dry-run", "-o", "out", "--executor")
    finished = subprocess.run(
        (sys.executable, "-m", "tare", *command, "ssh:one,me@two"), capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": SOURCE},
    )  # fmt: skip

    told = "tare bench run --workloads size,start,io,cpu --rounds 3 --seed 108 --image deb:trixie --stream --output"
    assert finished.stdout.splitlines() == [
        f"ssh -o BatchMode=yes -T -- one '{told} tare-bench/out/one --block one'",
        f"ssh -o BatchMode=yes -T -- me@two '{told} tare-bench/out/two --block two'",
    ]
