"""What a coordinator that died on a full disk could not say itself is said beside its last word."""

from pathlib import Path

import pytest

from console.observation.last_word import last_word
from tests.small_disk import CannotMountError, grow, small_disk


def test_a_full_disk_is_told_beside_a_last_word_that_has_no_end(tmp_path: Path) -> None:
    place = tmp_path / "run"
    try:
        with small_disk(place, "size=40k"):
            (place / "mac" / "coordinator").mkdir(parents=True)
            (place / "mac" / "coordinator" / "spec.json").write_text("{}")
            (place / "mac" / "coordinator" / "log.txt").write_text("OSError: [Errno 28] No spa")
            assert last_word(place).startswith("OSError: [Errno 28] No spa; ")
            assert last_word(place).endswith(" bytes are left on its disk")
            grow(place, "1m")
            assert last_word(place) == "OSError: [Errno 28] No spa"
    except CannotMountError as error:
        pytest.skip(str(error))
