"""Run by the interpreter of an environment that holds a published ``picsellia`` client; what it saw is printed as JSON.

Arguments: host, token, then ``upload NAME IMGDIR ANN_PATH FORMAT`` or ``read NAME FOLDER``.
"""

import json
import sys
import warnings

warnings.simplefilter("ignore")

from picsellia.client import Client  # noqa: E402


def upload(host: str, token: str, name: str, imgdir: str, ann_path: str, ann_format: str) -> None:
    datalake = Client.Datalake(api_token=token, host=host)
    datalake.upload(
        name=name, imgdir=imgdir, ann_path=ann_path, ann_format=ann_format, tags=["published"], nb_jobs=2
    )


def read(host: str, token: str, name: str, folder: str) -> None:
    pictures = Client.Datalake.Picture(api_token=token, host=host)
    dataset = Client.Datalake.Dataset(api_token=token, host=host)
    dataset.fetch(name)
    dataset.download(name + "/first", folder)
    seen = {
        "fetched": dataset.fetched_dataset,
        "listed": [found["external_url"] for found in pictures.list()["pictures"]],
        "tagged": [found["external_url"] for found in pictures.fetch(1, ["ours"])],
    }
    if hasattr(dataset, "get_annotations"):  # from 5.0.22 on
        seen["annotations"] = dataset.get_annotations()
    sys.stdout.write("SEEN " + json.dumps(seen))


if __name__ == "__main__":
    verb = upload if sys.argv[3] == "upload" else read
    verb(*sys.argv[1:3], *sys.argv[4:])
