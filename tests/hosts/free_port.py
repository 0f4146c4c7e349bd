import socket


def free_port() -> int:
    """Free a moment ago, on 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
