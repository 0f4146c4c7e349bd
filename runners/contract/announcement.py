"""The one line that an agent writes when it listens."""

from typing import Literal

from runners.contract.document import Word
from runners.contract.figures import Count, Port, ProcessId
from runners.contract.names import Label, Text

KEPT = b"kept\n"  # the answer, where one is asked for: whoever started the agent has noted it down


class AgentAnnouncement(Word):
    """Read by whoever started the agent, through the pipe that it inherited: this is where the host key is pinned."""

    listening: Literal[True] = True
    dials: bool = False  # dials in to address and port instead of listening there
    address: Label
    port: Port
    host_key: Text  # "ssh-ed25519 AAAA...", OpenSSH's one-line form without comment
    host_key_fingerprint: Label  # "SHA256:..."
    pid: ProcessId
    process_started_ms: Count
