"""Rules about the folder itself: exactly the listed bytes, signed, with no secret among them."""

from collections.abc import Iterator

from console.evidence.checks.evidence import Evidence
from console.evidence.checks.folder import MAX_BYTES, FileRead
from console.evidence.checks.layout import ALWAYS, BUNDLE_FILE, MAX_SIGNATURE_BYTES, SIGNATURE_FILE, kind_of
from console.evidence.checks.sshsig import read_sshsig
from console.evidence.checks.stored import UnreadableError
from console.evidence.checks.unasked_files import whose
from console.evidence.checks.verdict import Mismatch, differs


def bundle_document_is_readable(e: Evidence) -> Iterator[Mismatch]:
    """Everything hangs on the digests in this one document; without it there is nothing to compare with."""
    if e.bundle:
        return
    known = [item for item in e.unreadable if item.where.startswith(BUNDLE_FILE)]
    refused = e.folder.refused.get(BUNDLE_FILE)
    if refused:
        known.append(Mismatch(BUNDLE_FILE, refused.expected, refused.got))
    yield from known or [Mismatch(BUNDLE_FILE, "a bundle document", "no such file")]


def bundle_is_signed(e: Evidence) -> Iterator[Mismatch]:
    """The operator's SSHSIG covers the bundle's document byte for byte, in the namespace of run bundles."""
    size = e.folder.files.get(SIGNATURE_FILE, 0)
    if size > MAX_SIGNATURE_BYTES:
        yield Mismatch(SIGNATURE_FILE, f"at most {MAX_SIGNATURE_BYTES} bytes", str(size))
        return
    raw = e.folder.content(SIGNATURE_FILE)
    if raw is None:
        yield Mismatch(SIGNATURE_FILE, "an SSH signature", "no such file")
        return
    try:
        signature = read_sshsig(raw)
    except UnreadableError as error:
        yield Mismatch(SIGNATURE_FILE, error.expected, error.got)
        return
    yield from differs(f"{SIGNATURE_FILE} namespace", "swarm-run-bundle", signature.namespace)
    yield from differs(f"{SIGNATURE_FILE} key", e.bundle["operator_public_key"], signature.public_key)
    if not signature.covers(e.folder.content(BUNDLE_FILE) or b""):
        yield Mismatch(SIGNATURE_FILE, f"a signature over {BUNDLE_FILE}", "one over other bytes")


def only_plain_files(e: Evidence) -> Iterator[Mismatch]:
    """A link, a fifo or a shared inode can be something else tomorrow, or somewhere else today."""
    for path, refused in e.folder.refused.items():
        yield Mismatch(path, refused.expected, refused.got)


def listing_is_in_order(e: Evidence) -> Iterator[Mismatch]:
    """One spelling of the listing: sorted, no path twice, only paths that the layout knows."""
    paths = [item["path"] for item in e.bundle["files"]]
    if paths != sorted(set(paths)):
        yield Mismatch(f"{BUNDLE_FILE} files", "paths sorted and each once", "another order, or one twice")
    for path in paths:
        if kind_of(path) is None:
            yield Mismatch(path, "a path of the bundle's layout", "a path that has no meaning")
    for path in ALWAYS:
        if path not in e.listing:
            yield Mismatch(path, "a file that every bundle lists", "no entry")


def listed_bytes_are_there(e: Evidence) -> Iterator[Mismatch]:
    """Existence, size and sha256 of every listed file."""
    if e.listed_bytes > MAX_BYTES:
        yield Mismatch(f"{BUNDLE_FILE} files", f"at most {MAX_BYTES} bytes in all", str(e.listed_bytes))
        return
    for path, item in e.listing.items():
        if path not in e.folder.files:
            if path not in e.folder.refused:
                yield Mismatch(path, "a listed file", "no such file")
            continue
        # The size is compared before a byte is read: a claim of gigabytes costs nothing.
        if e.folder.files[path] != item["size_bytes"]:
            yield Mismatch(path, f"{item['size_bytes']} bytes", f"{e.folder.files[path]} bytes")
            continue
        got = e.folder.read(path)
        if isinstance(got, FileRead):
            yield from differs(path, f"sha256 {item['sha256']}", f"sha256 {got.sha256}")
        else:
            yield Mismatch(path, got.expected, got.got)


def nothing_unlisted(e: Evidence) -> Iterator[Mismatch]:
    """A file that nobody signed for has no place in evidence."""
    for path in e.folder.files:
        if path not in e.listing and path not in (BUNDLE_FILE, SIGNATURE_FILE):
            yield Mismatch(path, "only listed files", f"a file that the bundle doesn't list{whose(path)}")


def no_secret_in_any_file(e: Evidence) -> Iterator[Mismatch]:
    """A bundle is made to be given away."""
    for path in e.folder.files:
        got = e.file_of(path)
        if got is not None and got.secret:
            yield Mismatch(path, "no admission token and no private key", "text that looks like one (not shown)")


RULES = (
    bundle_document_is_readable,
    bundle_is_signed,
    only_plain_files,
    listing_is_in_order,
    listed_bytes_are_there,
    nothing_unlisted,
    no_secret_in_any_file,
)
