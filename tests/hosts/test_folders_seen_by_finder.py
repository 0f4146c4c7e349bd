"""A checkpoint's folder is named by its files; a look at it in macOS' Finder makes it no other one."""

from pathlib import Path

from console.coordination.works.inputs import capture_key
from console.hosts.outfit import model_tree


def test_a_look_at_a_checkpoints_folder_changes_neither_its_name_nor_its_capture(tmp_path: Path) -> None:
    model, data = tmp_path / "base", tmp_path / "data.jsonl"
    model.mkdir()
    (model / "config.json").write_text("{}")
    data.write_text("{}\n")
    before = model_tree(model), capture_key(model, data, 4)

    (model / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    assert (model_tree(model), capture_key(model, data, 4)) == before

    (model / "config.json").write_text("{ }")
    after = model_tree(model), capture_key(model, data, 4)
    assert after[0] != before[0]
    assert after[1] != before[1]
