"""The tables.

Each table has a small integer ``id`` for joins and stable order; what leaves the house is the ``uuid``.
Everything hangs on an organization, and every foreign key says what happens on delete, so that removing
a picture or a dataset leaves nothing behind. JSON that a client sent is kept as the text it sent. They
stand in one module, longer than others, because they refer to each other.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
)

metadata = MetaData()


def _owner(table: str, *, nullable: bool = False) -> Column[int]:
    return Column(
        f"{table}_id", Integer, ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=nullable, index=True
    )


def _counter(name: str, kind: type[Integer] = Integer) -> Column[int]:
    """How many of something there are, kept by the triggers of ``counters``."""
    return Column(name, kind, nullable=False, server_default=text("0"))


organization = Table(
    "organization",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("name", Text, nullable=False, unique=True),
    _counter("pictures"),
)

user = Table(
    "user",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("username", Text, nullable=False, unique=True),
    _owner("organization"),
)

token = Table(
    "token",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    _owner("user"),
    Column("name", String(16)),
    Column("expires", BigInteger),
    Column("read_only", Boolean, nullable=False, server_default=false()),
    Index("token_by_name", "name", unique=True),
)

picture = Table(
    "picture",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("organization_id", ForeignKey("organization.id", ondelete="CASCADE"), nullable=False),
    Column("external_url", Text, nullable=False),
    Column("internal_key", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("creation_date", String(10), nullable=False),
    UniqueConstraint("organization_id", "external_url"),
    Index("picture_by_key", "organization_id", "internal_key"),
    Index("picture_by_age", "organization_id", "id"),
)

picture_tag = Table(
    "picture_tag",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("picture_id", ForeignKey("picture.id", ondelete="CASCADE"), nullable=False),
    Column("tag", Text, nullable=False),
    UniqueConstraint("picture_id", "tag"),
    Index("picture_tag_by_tag", "tag", "picture_id"),
)

dataset = Table(
    "dataset",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("organization_id", ForeignKey("organization.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("description", Text),
    Column("private", Boolean, nullable=False),
    Column("statistics", Text),
    _counter("size"),
    _counter("annotated"),
    UniqueConstraint("organization_id", "name", "version"),
)

dataset_picture = Table(
    "dataset_picture",
    metadata,
    Column("dataset_id", ForeignKey("dataset.id", ondelete="CASCADE"), primary_key=True),
    Column("picture_id", ForeignKey("picture.id", ondelete="CASCADE"), primary_key=True, index=True),
)

label = Table(
    "label",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("dataset_id", ForeignKey("dataset.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    _counter("instances", BigInteger),
    _counter("pictures"),
    UniqueConstraint("dataset_id", "name", "type"),
)

# How many pictures have a tag, in a dataset and in an organization's lake.
dataset_tag = Table(
    "dataset_tag",
    metadata,
    Column("dataset_id", ForeignKey("dataset.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", Text, primary_key=True),
    Column("pictures", Integer, nullable=False),
)

lake_tag = Table(
    "lake_tag",
    metadata,
    Column("organization_id", ForeignKey("organization.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", Text, primary_key=True),
    Column("pictures", Integer, nullable=False),
)

annotation = Table(
    "annotation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("dataset_id", ForeignKey("dataset.id", ondelete="CASCADE"), nullable=False),
    Column("picture_id", ForeignKey("picture.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("objects", Text, nullable=False),
    Column("image_qa", Text, nullable=False),
    Column("nb_instances", Integer, nullable=False),
    Column("duration", Float, nullable=False),
    Column("creation_date", String(10), nullable=False),
    UniqueConstraint("dataset_id", "picture_id"),
    Index("annotation_by_age", "dataset_id", "id"),
)

# How many objects of each label an annotation has: what the pages filter by and count, so that no text is read for it.
annotation_label = Table(
    "annotation_label",
    metadata,
    Column("annotation_id", ForeignKey("annotation.id", ondelete="CASCADE"), primary_key=True),
    Column("label_id", ForeignKey("label.id", ondelete="CASCADE"), primary_key=True),
    Column("picture_id", Integer, nullable=False),
    Column("instances", Integer, nullable=False),
    Index("annotation_label_by_label", "label_id", "picture_id", "instances"),
)

reply = Table(
    "reply",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("organization_id", ForeignKey("organization.id", ondelete="CASCADE"), nullable=False),
    Column("key", Text, nullable=False),
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    _owner("dataset"),
    _owner("annotation", nullable=True),
    UniqueConstraint("organization_id", "key"),
)

network = Table(
    "network",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("organization_id", ForeignKey("organization.id", ondelete="CASCADE"), nullable=False),
    _owner("user"),
    Column("name", Text, nullable=False),
    Column("properties", Text, nullable=False),
    UniqueConstraint("organization_id", "name"),
)

project = Table(
    "project",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("organization_id", ForeignKey("organization.id", ondelete="CASCADE"), nullable=False),
    _owner("user"),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("type", Text, nullable=False),
    Column("creation_date", String(10), nullable=False),
    UniqueConstraint("organization_id", "name"),
)

worker = Table(
    "worker",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
    _owner("user"),
    Column("is_active", Boolean, nullable=False),
    Column("creation_date", String(27), nullable=False),
    UniqueConstraint("project_id", "user_id"),
)

project_dataset = Table(
    "project_dataset",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
    _owner("dataset"),
    UniqueConstraint("project_id", "dataset_id"),
)

experiment = Table(
    "experiment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("project_id", ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
    _owner("user"),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("status", Text, nullable=False),
    Column("dataset", Text),
    Column("date_created", String(27), nullable=False),
    Column("last_update", String(27), nullable=False),
    UniqueConstraint("project_id", "name"),
)

experiment_file = Table(
    "experiment_file",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("experiment_id", ForeignKey("experiment.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("object_name", Text, nullable=False, index=True),
    Column("large", Boolean, nullable=False),
    Column("date_created", String(27), nullable=False),
    Column("last_update", String(27), nullable=False),
    UniqueConstraint("experiment_id", "name"),
)

experiment_data = Table(
    "experiment_data",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("experiment_id", ForeignKey("experiment.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("date_created", String(27), nullable=False),
    Column("last_update", String(27), nullable=False),
    UniqueConstraint("experiment_id", "name"),
)

upload = Table(
    "upload",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", String(36), nullable=False, unique=True),
    _owner("organization"),
    Column("key", Text, nullable=False),
    Column("finished", Boolean, nullable=False),
    Column("creation_date", String(10), nullable=False),
)

upload_part = Table(
    "upload_part",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("upload_id", ForeignKey("upload.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("etag", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    UniqueConstraint("upload_id", "number", "etag"),
)

experiment_log = Table(
    "experiment_log",
    metadata,
    Column("id", Integer, primary_key=True),
    _owner("experiment"),
    Column("line_nb", BigInteger, nullable=False),
    Column("part", Text, nullable=False),
    Column("log", Text, nullable=False),
    Column("final", Boolean, nullable=False),
    Column("special", Boolean, nullable=False),
    Column("date_created", String(27), nullable=False),
    # A line may be longer than PostgreSQL can index.
    UniqueConstraint("experiment_id", "line_nb", "part", "log").ddl_if(dialect="sqlite"),
)

Index(
    "experiment_log_once",
    experiment_log.c.experiment_id,
    experiment_log.c.line_nb,
    experiment_log.c.part,
    func.md5(experiment_log.c.log),
    unique=True,
).ddl_if(dialect="postgresql")

scan = Table(
    "scan",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("project_id", ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("config", Text, nullable=False),
    Column("nb_worker", Integer, nullable=False),
    Column("object_name", Text),
    Column("filename", Text),
    Column("launched", Boolean, nullable=False),
    Column("date_created", String(27), nullable=False),
    UniqueConstraint("project_id", "name"),
)

run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("scan_id", ForeignKey("scan.id", ondelete="CASCADE"), nullable=False),
    _owner("experiment"),
    Column("number", Integer, nullable=False),
    Column("claim", Text),
    Column("config", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("date_created", String(27), nullable=False),
    UniqueConstraint("scan_id", "number"),
    UniqueConstraint("scan_id", "claim"),
)
