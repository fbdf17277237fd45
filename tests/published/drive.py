"""Run by the interpreter of an environment with a published client: ``-m tests.published.drive VERSION SCRIPT HOST TOKEN``.

It lets a script use the client, in the folder it was started in, and prints as JSON what the script saw.
"""

import importlib
import json
import sys
import warnings

MARK = "SEEN "


def main(version: str, script: str, host: str, token: str) -> None:
    """Drive the client of this environment, of which ``version`` says how it is called."""
    warnings.simplefilter("ignore")
    client = importlib.import_module("picsellia.client").Client
    shape = importlib.import_module("tests.published.shapes").SHAPES[version]
    drive = importlib.import_module(f"tests.published.scripts.{script}").drive
    seen = drive(client(token, host=host), shape)
    sys.stdout.write(f"\n{MARK}{json.dumps(seen)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
