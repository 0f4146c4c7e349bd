"""What is committed speaks of no machine in particular."""

import re
import subprocess
import tempfile
from pathlib import Path

from tests.setup.checkout import REPOSITORY

# Letters of a home folder of somebody; put together here so that this file doesn't hold what it looks for.
PLACES = ("/ho" + "me/", "/Us" + "ers/", "/ro" + "ot/", "/wo" + "rk/", "/var/fol" + "ders/")
A_PLACE = re.compile(rb"(?<![\w.~-])(?:" + b"|".join(re.escape(place.encode()) for place in PLACES) + rb")[\w.-]+")
PRIVATE_KEY = re.compile(rb"-----BEGIN (?:OPENSSH |EC |RSA )?PRIV" + rb"ATE KEY-----\s+[A-Za-z0-9+/=]{16}")


def committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, check=True, capture_output=True).stdout
    return [REPOSITORY / name for name in listed.decode().split("\0") if name and (REPOSITORY / name).is_file()]


def test_no_committed_file_names_a_place_of_one_machine() -> None:
    here = [str(REPOSITORY), str(Path.home()), f"{tempfile.gettempdir()}/swarm"]
    # A checkout right below the root is no place that anybody would know again, nor is a home that is the root.
    of_here = [re.compile(rb"(?<![\w.~-])" + re.escape(place.encode())) for place in here if place.count("/") > 1]
    found = []
    for path in committed():
        data = path.read_bytes()
        found += [f"{path.relative_to(REPOSITORY)}: {match[0].decode()}" for match in A_PLACE.finditer(data)]
        found += [
            f"{path.relative_to(REPOSITORY)}: {match[0].decode()}" for one in of_here for match in one.finditer(data)
        ]

    assert found == []


def test_no_committed_file_holds_a_private_key() -> None:
    assert [path for path in committed() if PRIVATE_KEY.search(path.read_bytes())] == []


def test_every_folder_at_the_top_is_in_the_readme() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    folders = {path.relative_to(REPOSITORY).parts[0] for path in committed() if path.parent != REPOSITORY}

    assert [name for name in sorted(folders) if f"\n{name}/ " not in readme] == []


def leads_somewhere(page: Path, link: str) -> bool:
    """To a file, and where it names a part of a page, to a heading."""
    name, _, part = link.partition("#")
    place = page.parent / name if name else page
    return place.exists() and (not part or part in headings(place))


def headings(page: Path) -> set[str]:
    """As a forge names them in links."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


def test_every_link_in_the_documents_leads_somewhere() -> None:
    pages = [path for path in committed() if path.suffix == ".md"]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^):]+)\)", page.read_text())]

    assert any("#" in link for _, link in links)
    assert [f"{page.name}: {link}" for page, link in links if not leads_somewhere(page, link)] == []
