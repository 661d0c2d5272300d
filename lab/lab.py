"""Real engines on one machine, for those who want to look: `make lab`, `make lab-down`.

    sudo python3 lab/lab.py up [--services]
    sudo python3 lab/lab.py down

`up` starts a Docker daemon, an OCI registry and a PostgreSQL of this checkout's own, makes the replicas of official base
images that the registry lacks (ten minutes, once; not with `--services`), and prints what to put into the environment,
so `eval "$(make -s lab)"` is enough. All keep their data in `.lab`, so the second start is fast. The daemon makes no
bridge and leaves the firewall alone: a Docker that is on the machine already is not disturbed, and containers have
`--network host` or none. `down` ends exactly the processes that `up` started.

The programs come from Debian: `tools/lab-install.sh`. Tests do not need this; they start what they need themselves.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import postgres
from replicas import push_replicas

LAB = Path(__file__).resolve().parent.parent / ".lab"
STATE = LAB / "state.json"
RUN = "tare-lab-"
PATIENCE = 30.0
"""Seconds that a service may take to answer, or to end."""

Service = dict[str, str]
"""The `pid` of a process that we started, the `address` it answers at, and a `mark` among its arguments."""

REGISTRY_CONFIG = """\
version: 0.1
log: {{level: warn}}
storage: {{filesystem: {{rootdirectory: {data}}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="A Docker daemon, a registry and a PostgreSQL of this checkout's own.")
    parser.add_argument("what", choices=["up", "down"])
    parser.add_argument("--services", action="store_true", help="make no base images")
    arguments = parser.parse_args()
    try:
        if arguments.what == "up":
            up(replicas=not arguments.services)
        else:
            down()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def up(*, replicas: bool) -> None:
    state = {name: service for name, service in read_state().items() if is_ours(service)}
    LAB.mkdir(exist_ok=True)
    for name, start in {"docker": start_docker, "registry": start_registry, "postgres": start_postgres}.items():
        if name not in state:
            state[name] = start()
            STATE.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
    if replicas:
        push_replicas(docker=docker(), host=state["docker"]["address"], registry=state["registry"]["address"], work=LAB)
    print(f"export DOCKER_HOST={state['docker']['address']}")
    print(f"export TARE_LAB_REGISTRY={state['registry']['address']}")
    print(f"export TARE_LAB_DATABASE={state['postgres']['address']}")


def down() -> None:
    for name, service in read_state().items():
        if is_ours(service):
            end(name, service)
            say(f"{name} has ended")
        if Path(service["mark"]).name.startswith(RUN):
            shutil.rmtree(service["mark"], ignore_errors=True)
    STATE.unlink(missing_ok=True)


def start_docker() -> Service:
    """Start a daemon. Its sockets lie in a short path, since the address of a socket has at most 107 bytes."""
    run = Path(tempfile.mkdtemp(prefix=RUN))
    address = f"unix://{run}/docker.sock"
    command = [program("dockerd"), "--host", address, "--data-root", str(LAB / "docker")]
    command += [
        "--exec-root",
        str(run / "exec"),
        "--pidfile",
        str(run / "pid"),
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
    ]
    return launch("docker", command, address, str(run), lambda: answers(socket.AF_UNIX, f"{run}/docker.sock"))


def docker() -> str:
    """Return Debian's client, which can build; a newer one on PATH may lack the plug-in for that."""
    return "/usr/bin/docker" if Path("/usr/bin/docker").exists() else program("docker")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def start_postgres() -> Service:
    data, port = LAB / "postgres", free_port()
    postgres.initialise(data)
    address = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    where = ("127.0.0.1", port)
    command = postgres.command(data, port)
    return launch(
        "postgres", command, address, str(data), lambda: answers(socket.AF_INET, where), user=postgres.owner()
    )


def start_registry() -> Service:
    port = free_port()
    config = LAB / "registry.yml"
    config.write_text(REGISTRY_CONFIG.format(data=LAB / "registry", port=port), encoding="utf-8")
    command = [program("docker-registry"), "serve", str(config)]
    where = ("127.0.0.1", port)
    return launch("registry", command, f"127.0.0.1:{port}", str(config), lambda: answers(socket.AF_INET, where))


def launch(
    name: str,
    command: list[str],
    address: str,
    mark: str,
    ready: Callable[[], bool],
    *,
    user: str | None = None,
) -> Service:
    """Start *command*, which has *mark* among its arguments, and wait until it answers."""
    log = LAB / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
            user=user,
            group=user,
        )
    give_up = time.monotonic() + PATIENCE
    while not ready():
        if process.poll() is not None or time.monotonic() > give_up:
            process.terminate()
            raise ChildProcessError(f"{name} does not start; see {log}")
        time.sleep(0.05)
    say(f"{name} answers at {address}")
    return {"pid": str(process.pid), "address": address, "mark": mark}


def answers(family: socket.AddressFamily, where: str | tuple[str, int]) -> bool:
    with socket.socket(family) as client:
        client.settimeout(1)
        return client.connect_ex(where) == 0


def is_ours(service: Service) -> bool:
    """Tell whether the process of *service* is still the one that we started: numbers are used again."""
    try:
        arguments = Path("/proc", service["pid"], "cmdline").read_bytes()
    except OSError:
        return False
    return service["mark"].encode() in arguments


def end(name: str, service: Service) -> None:
    pid = int(service["pid"])
    os.kill(pid, signal.SIGINT if name == "postgres" else signal.SIGTERM)
    give_up = time.monotonic() + PATIENCE
    while is_ours(service):
        if time.monotonic() > give_up:
            os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.05)


def read_state() -> dict[str, Service]:
    try:
        state: dict[str, Service] = json.loads(STATE.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return state


def say(line: str) -> None:
    print(f"lab: {line}", file=sys.stderr)


def program(name: str) -> str:
    found = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
    if found is None:
        raise FileNotFoundError(f"there is no `{name}`; as root, `sh tools/lab-install.sh` installs it from Debian")
    return found


if __name__ == "__main__":
    sys.exit(main())
