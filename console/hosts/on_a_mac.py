"""What macOS adds to an error without saying so: words for it, where this machine is a Mac."""

import errno
import sys

NO_ROUTE = errno.EHOSTUNREACH
LOCAL_NETWORK = (
    "macOS says this too where it keeps a program from the local network: allow the app that this terminal belongs to "
    "under System Settings > Privacy & Security > Local Network (Apple's Terminal needs no leave; iTerm, tmux and VS "
    "Code do)"
)
KEYCHAIN = "; `ssh-add --apple-load-keychain` loads those whose passphrase the keychain has"


def network_hint(error: BaseException, platform: str = sys.platform) -> str:
    """Since macOS 15 a connection that isn't allowed fails as one to a host that isn't there: EHOSTUNREACH, at once,
    and only for addresses of the local network. Of several addresses asyncio joins the errors to one text."""
    number = error.errno if isinstance(error, OSError) else None
    said = number == NO_ROUTE or (number is None and f"[Errno {NO_ROUTE}]" in str(error))
    return LOCAL_NETWORK if platform == "darwin" and said else ""


def keychain_hint(platform: str = sys.platform) -> str:
    """ssh(1) there asks the keychain for a passphrase by itself; asyncssh asks the agent only."""
    return KEYCHAIN if platform == "darwin" else ""
