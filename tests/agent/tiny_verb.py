"""A verb for tests: its first line of input says, in JSON, what to do. Run with `python -I -S`: starts fast."""

import json
import os
import signal
import subprocess
import sys
import time


def main() -> int:
    order = json.loads(sys.stdin.buffer.readline() or b'{"act": "nothing"}')
    act = order["act"]
    code: int = order.get("code", 0)
    if act == "echo":
        body = sys.stdin.buffer.read()
        sys.stderr.write(f"heard {len(body)} bytes\n")
        sys.stdout.buffer.write(body)
    elif act == "answer":
        sys.stderr.write(order.get("stderr", ""))
        sys.stdout.buffer.write(bytes.fromhex(order["hex"]))
    elif act == "swallow":
        sys.stderr.write(f"heard {len(sys.stdin.buffer.read())} bytes\n")
        sys.stdout.buffer.write(bytes.fromhex(order["hex"]))
    elif act == "flood":
        for _ in range(order["blocks"]):
            sys.stdout.buffer.write(b"x" * 65536)
    elif act == "environment":
        number = os.environ.get("SWARM_TOKEN_FD")
        token = os.read(int(number), 4096).decode() if number else None
        print(json.dumps({"environ": dict(os.environ), "argv": sys.argv, "token": token, "fds": _open_fds()}))
    elif act == "wait":
        print(f'{{"pid":{os.getpid()}}}', flush=True)
        time.sleep(60)
    elif act == "leave":
        command = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        child.returncode = 0  # not ours to wait for
        print(f'{{"pid":{child.pid}}}', flush=True)
        if order.get("stay"):
            time.sleep(60)
    elif act == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdout.flush()
    return code


def _open_fds() -> list[int]:
    fds = []
    for number in range(64):
        try:
            os.fstat(number)
        except OSError:
            continue
        fds.append(number)
    return fds


if __name__ == "__main__":
    sys.exit(main())
