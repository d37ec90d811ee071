"""The fake Hub as a process of its own: `python -m tests.fakes.hub --folder DIR [--repo ID] [--rate BYTES_PER_S]`.

Writes one line of JSON (`url`, `cdn_url`, `repo_id`, `revision`) when it is ready, and
ends when its standard input does.
"""

import argparse
import json
import sys
from pathlib import Path

from tests.fakes.hub.fake_hub import FakeHub


def main() -> None:
    """Serve until nobody holds the standard input open any more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="its files are the repository")
    parser.add_argument("--repo", default="fake/model", help="namespace/name of the repository")
    parser.add_argument("--rate", type=float, default=0.0, help="bytes per second of each connection; 0: no limit")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    with FakeHub() as hub:
        hub.rate_limit(arguments.rate)
        revision = hub.add_repo(arguments.repo, files)
        for path in files:
            _ = hub.file(arguments.repo, path).tree_item()  # computes the digests before anybody measures
        ready = {"url": hub.url, "cdn_url": hub.cdn_url, "repo_id": arguments.repo, "revision": revision}
        print(json.dumps(ready), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
