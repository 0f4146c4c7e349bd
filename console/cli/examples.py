"""What a person would type first, by the command. `tests/setup/test_command_line.py` parses each of them."""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "console": (
        "swarm                          # the newest live run, else the start page",
        "swarm console --read-only      # to look on: no key changes anything",
        "swarm console --lane mine.toml --theme swarm-cb",
    ),
    "run": (
        "swarm run                      # both nodes on this machine",
        "swarm run --remote box         # contributor on a host of `swarm host list`",
        "swarm run --lane mine.toml --run-id try-1 --json",
    ),
    "attach": ("swarm attach try-1",),
    "replay": (
        "swarm replay try-1             # each from its last kept checkpoint",
        "swarm replay try-1 --node swarm-linux-a --from-start",
    ),
    "status": ("swarm status", "swarm status try-1 --json"),
    "stop": ("swarm stop try-1 --reason 'the box is needed'",),
    "check": (
        "swarm check all                # everything that this repository keeps",
        "swarm check real-run --bundle ~/swarm-runs/try-1/bundle",
        "swarm check real-run --bundle PATH --reexecute --allowed-signers signers",
    ),
    "rehearse": ("swarm rehearse", "swarm rehearse --run try-1"),
    "evidence": ("swarm evidence try-1",),
    "closeout": ("swarm closeout try-1 --json",),
    "audit": ("swarm audit try-1",),
    "publish": ("swarm publish try-1",),
    "prepare": (
        "swarm prepare --model gpt-oss-20b --data train.jsonl --out states",
        "swarm prepare --model gpt-oss-20b --data train.jsonl --out states --by-layer",
    ),
    "token": ("export PSIONIC_SWARM_ADMISSION_TOKEN=$(swarm token new)",),
    "freeze": (
        "swarm freeze --check           # is every file what its lane freezes to?",
        "swarm freeze plan --lane mine.toml --out plan.json",
        "swarm freeze drills --lane loopback --observed stale_worker=PATH",
    ),
    "launch": ("swarm launch --lane loopback --run-id try-1 --bundle-dir operator-bundle --manifest-only",),
    "host add": (
        "swarm host add box --look      # only look, send nothing",
        "swarm host add box ann@192.168.1.20:22 --fingerprint SHA256:...",
    ),
    "host list": ("swarm host list",),
    "host doctor": ("swarm host doctor", "swarm host doctor box"),
    "host forget": ("swarm host forget box",),
    "host agent": (
        "swarm host agent --listen 192.168.1.20  # it listens there",
        "swarm host agent --dial 192.168.1.5  # it dials this machine",
    ),
    "lane list": ("swarm lane list",),
    "lane show": ("swarm lane show loopback", "swarm lane show loopback --json"),
    "lane new": (
        "swarm lane new mine --linux-host box  # writes mine.toml, from loopback",
        "swarm lane new mine --from first_swarm_trusted_lan --mac-host studio.local --linux-host box.local",
    ),
    "bringup": (
        "swarm bringup lane             # every host of the lane, where it stands",
        "swarm bringup mac --lane first_swarm_trusted_lan --report mac.json",
        "swarm bringup lane --remote box",
    ),
    "drill": ("swarm drill contributor_loss", "swarm drill upload_disagreement --case flipped_byte"),
    "view": ("swarm view", "swarm view ~/swarm-runs/try-1/bundle"),
    "bench console": (
        "swarm bench console --quick",
        "swarm bench console --only p1,s2 --size 80x24 --markdown",
    ),
    "bench heartbeats": ("swarm bench heartbeats --minutes 2",),
    "bench lmhead": (
        "swarm bench lmhead --tokens 256 --json lmhead.json",
        "swarm bench lmhead --only mlx --threads 1 --tokens 512 --chunk 256",
    ),
    "bench merge": ("swarm bench merge --times 3",),
}
