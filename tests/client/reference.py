"""The names and arguments of the SDK, as data.

``DOCUMENTED`` is what the SDK reference prints, argument by argument; ``PUBLISHED`` is what the published clients have
besides. ``EXAMPLES`` are the code blocks of the reference that do something.
"""

from __future__ import annotations

import re

DOCUMENTED = {
    "Datalake.__init__": "api_token=None, organization=None",
    "Datalake.upload": "name=None, version=None, imgdir=None, ann_path=None, ann_format=None, tags=[], nb_jobs=5, rectangle=False",
    "Datalake.Picture.__init__": "api_token=None, organization=None",
    "Datalake.Picture.upload": "filepath=None, tags=[], source='sdk'",
    "Datalake.Picture.list": "",
    "Datalake.Picture.fetch": 'quantity=1, tags=["drone", "coco"]',
    "Datalake.Picture.status": "",
    "Datalake.Picture.delete": "pictures=None",
    "Datalake.Picture.add_tags": 'pictures=[], tags=["tag_to_add"]',
    "Datalake.Picture.remove_tags": 'pictures=[], tags=["tag_to_add"]',
    "Datalake.Dataset.__init__": "api_token=None, organization=None",
    "Datalake.Dataset.list": "",
    "Datalake.Dataset.fetch": 'name="myDataset", version="latest"',
    "Datalake.Dataset.create": "name=\"myDataset\", description='', private=True, pictures=[]",
    "Datalake.Dataset.new_version": "name=\"myDataset\", version='newVersion', from_version='latest', pictures=[]",
    "Datalake.Dataset.create_labels": "name=None, ann_type=None",
    "Datalake.Dataset.list_pictures": "dataset_id=None",
    "Datalake.Dataset.add_data": "name=\"myDataset\", version='myVersion', pictures=[]",
    "Datalake.Dataset.delete": "name=\"myDataset\", version='myVersion'",
    "Datalake.Dataset.download": "dataset=None, folder_name=None",
    "Datalake.Dataset.add_annotation": "picture_external_url=None, dataset_id=None, data={}, image_qa={}",
    "Network.__init__": "api_token=None, organization=None",
    "Network.list": "",
    "Network.get": "identifier=None",
    "Network.create": "name=None, type=None",
    "Network.update": "**kwargs",
    "Network.store": 'name="", path=None, zip=False',
    "Network.update_thumb": "path=None",
    "Network.labels": "labels=None",
    "Project.__init__": 'api_token=None, host="https://app.picsellia.com/sdk/", project_token=None',
    "Project.list": "",
    "Project.get": 'name="", organization="null"',
    "Project.create": 'name="", organization="null", **kwargs',
    "Project.update": 'project_name="", description="", type=""',
    "Project.delete": "",
    "Project.attach_dataset": 'dataset=""',
    "Experiment.__init__": 'api_token=None, host="https://beta.picsellia.com/sdk/", project_token=None, id=None, name=None, interactive=True',
    "Experiment.checkout": "id=None, name=None, project_token=None, tree=False, with_file=False, with_data=False",
}

ONLY_EXAMPLES = {
    ("Datalake.Picture.fetch", "tags"),
    ("Datalake.Picture.add_tags", "tags"),
    ("Datalake.Picture.remove_tags", "tags"),
    ("Datalake.Dataset.fetch", "name"),
    ("Datalake.Dataset.fetch", "version"),
    ("Datalake.Dataset.create", "name"),
    ("Datalake.Dataset.new_version", "name"),
    ("Datalake.Dataset.new_version", "version"),
    ("Datalake.Dataset.add_data", "name"),
    ("Datalake.Dataset.add_data", "version"),
    ("Datalake.Dataset.delete", "name"),
    ("Datalake.Dataset.delete", "version"),
}
"""Arguments whose printed value is that of an example, as the text below it says, and no default."""

PUBLISHED = {
    "Client.__init__": "api_token organization host interactive",
    "Datalake.__init__": "api_token organization host ping",
    "Datalake.Picture.__init__": "api_token organization host",
    "Datalake.Dataset.__init__": "api_token organization host",
    "Datalake.Dataset.create_labels": "name ann_type verbose",
    "Datalake.Dataset.download": "dataset folder_name nb_threads",
    "Datalake.Dataset.add_annotation": "picture_external_url dataset_id data image_qa",
    "Datalake.Dataset.get_annotations": "picture_name limit offset from_snapshot",
    "Datalake.Dataset.delete_annotations": "dataset_id picture_id all_annotations",
    "Datalake.Dataset.add_annotation_legacy": "chunk new_picture dataset_id",
    "Network.__init__": "api_token organization host",
    "Network.delete": "",
    "Network.deploy": "",
    "Network.download": "name",
    "Project.__init__": "api_token organization host project_token ping",
    "Project.Worker.__init__": "api_token host project_token",
    "Project.Worker.list": "",
    "Experiment.__init__": "api_token host project_token id name interactive",
    "Experiment.checkout": "name id project_token tree with_file with_data",
    "Experiment.create": "name project_token description previous dataset source with_file with_data",
    "Experiment.list": "project_token",
    "Experiment.update": "name description",
    "Experiment.delete": "",
    "Experiment.delete_all": "",
    "Experiment.publish": "name",
    "Experiment.launch": "gpus",
    "Experiment.update_job_status": "status",
    "Experiment.send_experiment_logging": "log part final special",
    "Experiment.start_logging_chapter": "name",
    "Experiment.start_logging_buffer": "length",
    "Experiment.end_logging_buffer": "",
    "Experiment.list_files": "",
    "Experiment.delete_all_files": "",
    "Experiment.get_file": "name",
    "Experiment.update_file": "file_name object_name large",
    "Experiment.delete_file": "name",
    "Experiment.store": "name path zip",
    "Experiment.download": "name path large",
    "Experiment.list_data": "",
    "Experiment.delete_all_data": "",
    "Experiment.create_data": "name data type",
    "Experiment.get_data": "name",
    "Experiment.update_data": "name data type",
    "Experiment.append_data": "name data type",
    "Experiment.delete_data": "name",
    "Experiment.log": "name data type replace",
    "Experiment.dl_annotations": "option",
    "Experiment.dl_pictures": "",
    "Experiment.generate_labelmap": "",
    "Experiment.train_test_split": "prop",
    "Experiment.init_scan": "name config nb_worker",
    "Experiment.launch_scan": "name",
    "Experiment.get_next_run": "name",
    "Experiment.get_run": "id",
    "Experiment.update_run": "status",
    "Experiment.end_run": "",
    "Experiment.download_script": "",
    "Experiment.download_run_data": "",
    "Experiment.install_run_requirements": "",
}

_CLASSES = {
    "Client": "Client",
    "Datalake": "Datalake",
    "Picture": "Datalake.Picture",
    "Dataset": "Datalake.Dataset",
    "Network": "Network",
    "Projects": "Project",
    "Experiments": "Experiment",
}


def documented_in(text: str) -> dict[str, str]:
    """The same as ``DOCUMENTED``, out of the reference: each heading's name, and the arguments of its first call."""
    found: dict[str, str] = {}
    where, lines = "Client", ["", *text.splitlines(), ""]
    for number, line in enumerate(lines):
        if line in _CLASSES:
            where = _CLASSES[line]
        elif (
            re.fullmatch(r"[a-z_]+", line) and not lines[number - 1].strip() and not lines[number + 1].strip()
        ):
            found[f"{where}.{line}"] = _arguments(line, "\n".join(lines[number:]))
    return found


def _arguments(method: str, text: str) -> str:
    call = r"Client(?:\.\w+)*\(" if method == "__init__" else rf"\w\.{method}\("
    begin = re.search(call, text)
    assert begin, method
    depth, end = 1, begin.end()
    while depth:
        depth += (text[end] in "([{") - (text[end] in ")]}")
        end += 1
    inside = re.sub(r'-> ("[^"]*",?\s*)+', "", text[begin.end() : end - 1])  # examples of paths and formats
    inside = re.sub(r"(\w+): [\w\[\]]+=", r"\1=", inside)
    inside = re.sub(r"(=None)\s*\n\s*(\w+=)", r"\1, \2", inside)  # a comma that was forgotten
    return " ".join(inside.split()).strip(" ,")
