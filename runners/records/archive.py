"""Files as one content-addressed archive."""

import io
import tarfile


def pack(files: dict[str, bytes]) -> bytes:
    """An uncompressed tar in name order with no times, owners or modes: equal files give equal bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            info = tarfile.TarInfo(name)
            info.size = len(files[name])
            archive.addfile(info, io.BytesIO(files[name]))
    return buffer.getvalue()
