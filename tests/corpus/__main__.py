"""`python -m tests.corpus DIR`: the corpus of bad bundles and documents, written anew."""

import shutil
import sys
from pathlib import Path

from tests.corpus.build import INDEX_FILE, build

out = Path(sys.argv[1])
if (out / INDEX_FILE).is_file():
    shutil.rmtree(out)  # an older corpus; any other folder is somebody's
if out.exists():
    sys.exit(f"corpus: expected an older corpus or a folder that does not exist yet, got {out}; name another with OUT=")
made = build(out)
sys.stdout.write(f"{len(made)} bad bundles and documents; {out / INDEX_FILE} names the rule that refuses each\n")
