"""How many pictures, annotations and objects there are, kept so that nobody counts them when asked.

Triggers change the counts in the transaction that makes or removes the rows, by whatever way, cascades too; what is
counted by never changes in a row that stays. An owner that is being removed is not found any more, which does no harm.
A picture's tags go before it, because afterwards nobody could tell where they were counted.

SQLite counts row by row. PostgreSQL counts once a statement, because there each change of one row in a transaction
takes longer than the one before, and plans anew each time (``EXECUTE``), because a plan for small tables stays on.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection

from .schema import dataset_tag, lake_tag


class _Trigger(NamedTuple):
    when: str
    sqlite: tuple[str, ...]
    postgresql: tuple[str, ...]
    """The rows that are new or gone are called ``changed``."""
    sqlite_condition: str = ""


def _added(table: str, owner: str, source: str) -> str:
    return (
        f"INSERT INTO {table} ({owner}, tag, pictures) SELECT {owner}, tag, count(*) FROM changed"  # noqa: S608 - constants
        f" JOIN {source} GROUP BY {owner}, tag ON CONFLICT ({owner}, tag)"
        f" DO UPDATE SET pictures = {table}.pictures + excluded.pictures"
    )


def _taken(table: str, owner: str, source: str) -> tuple[str, str]:
    """A row of an owner that is being removed is left alone: PostgreSQL would look for its owner when it changes twice."""
    owners = owner.removesuffix("_id")
    return (
        f"UPDATE {table} SET pictures = {table}.pictures - less.pictures FROM (SELECT {owner}, tag, count(*) AS pictures"  # noqa: S608 - constants
        f" FROM changed JOIN {source} JOIN {owners} ON {owners}.id = {owner} GROUP BY {owner}, tag) AS less"
        f" WHERE {table}.{owner} = less.{owner} AND {table}.tag = less.tag",
        f"DELETE FROM {table} WHERE pictures = 0 AND {owner} IN (SELECT {owner} FROM changed JOIN {source})",  # noqa: S608 - constants
    )


def _sum(table: str, key: str, **columns: str) -> str:
    """Change columns of owners by sums over the changed rows."""
    setting = ", ".join(f"{name} = {table}.{name} + more.{name}" for name in columns)
    sums = ", ".join(f"{value} AS {name}" for name, value in columns.items())
    return (
        f"UPDATE {table} SET {setting} FROM (SELECT {key} AS owner, {sums} FROM changed GROUP BY {key}) AS more"  # noqa: S608 - constants
        f" WHERE {table}.id = more.owner"
    )


_TAGS = "picture_tag USING (picture_id)"
_MEMBERS = "dataset_picture USING (picture_id)"
_LAKE = "picture ON picture.id = picture_id"
_TRIGGERS = {
    "picture_added": _Trigger(
        "AFTER INSERT ON picture",
        ("UPDATE organization SET pictures = pictures + 1 WHERE id = NEW.organization_id",),
        (_sum("organization", "organization_id", pictures="count(*)"),),
    ),
    "picture_removed": _Trigger(
        "AFTER DELETE ON picture",
        ("UPDATE organization SET pictures = pictures - 1 WHERE id = OLD.organization_id",),
        (_sum("organization", "organization_id", pictures="-count(*)"),),
    ),
    "tag_added": _Trigger(
        "AFTER INSERT ON picture_tag",
        (
            "INSERT INTO lake_tag (organization_id, tag, pictures) SELECT organization_id, NEW.tag, 1 FROM picture"
            " WHERE id = NEW.picture_id ON CONFLICT (organization_id, tag) DO UPDATE SET pictures = pictures + 1",
            "INSERT INTO dataset_tag (dataset_id, tag, pictures) SELECT dataset_id, NEW.tag, 1 FROM dataset_picture"
            " WHERE picture_id = NEW.picture_id ON CONFLICT (dataset_id, tag) DO UPDATE SET pictures = pictures + 1",
        ),
        (_added("lake_tag", "organization_id", _LAKE), _added("dataset_tag", "dataset_id", _MEMBERS)),
    ),
    "tag_removed": _Trigger(
        "AFTER DELETE ON picture_tag",
        (
            "UPDATE lake_tag SET pictures = pictures - 1 WHERE tag = OLD.tag"
            " AND organization_id = (SELECT organization_id FROM picture WHERE id = OLD.picture_id)",
            "UPDATE dataset_tag SET pictures = pictures - 1 WHERE tag = OLD.tag"
            " AND dataset_id IN (SELECT dataset_id FROM dataset_picture WHERE picture_id = OLD.picture_id)",
        ),
        (*_taken("lake_tag", "organization_id", _LAKE), *_taken("dataset_tag", "dataset_id", _MEMBERS)),
    ),
    "member_added": _Trigger(
        "AFTER INSERT ON dataset_picture",
        (
            "UPDATE dataset SET size = size + 1 WHERE id = NEW.dataset_id",
            "INSERT INTO dataset_tag (dataset_id, tag, pictures) SELECT NEW.dataset_id, tag, 1 FROM picture_tag"
            " WHERE picture_id = NEW.picture_id ON CONFLICT (dataset_id, tag) DO UPDATE SET pictures = pictures + 1",
        ),
        (_sum("dataset", "dataset_id", size="count(*)"), _added("dataset_tag", "dataset_id", _TAGS)),
    ),
    "member_removed": _Trigger(
        "AFTER DELETE ON dataset_picture",
        (
            "UPDATE dataset SET size = size - 1 WHERE id = OLD.dataset_id",
            "UPDATE dataset_tag SET pictures = pictures - 1 WHERE dataset_id = OLD.dataset_id"
            " AND tag IN (SELECT tag FROM picture_tag WHERE picture_id = OLD.picture_id)",
        ),
        (_sum("dataset", "dataset_id", size="-count(*)"), *_taken("dataset_tag", "dataset_id", _TAGS)),
        # When a dataset goes, its tags go with it and need not be looked for by each of its pictures.
        "WHEN EXISTS (SELECT 1 FROM dataset WHERE id = OLD.dataset_id)",
    ),
    "annotation_added": _Trigger(
        "AFTER INSERT ON annotation",
        ("UPDATE dataset SET annotated = annotated + 1 WHERE id = NEW.dataset_id",),
        (_sum("dataset", "dataset_id", annotated="count(*)"),),
    ),
    "annotation_removed": _Trigger(
        "AFTER DELETE ON annotation",
        ("UPDATE dataset SET annotated = annotated - 1 WHERE id = OLD.dataset_id",),
        (_sum("dataset", "dataset_id", annotated="-count(*)"),),
    ),
    "objects_added": _Trigger(
        "AFTER INSERT ON annotation_label",
        (
            "UPDATE label SET instances = instances + NEW.instances, pictures = pictures + 1"
            " WHERE id = NEW.label_id",
        ),
        (_sum("label", "label_id", instances="sum(instances)", pictures="count(*)"),),
    ),
    "objects_removed": _Trigger(
        "AFTER DELETE ON annotation_label",
        (
            "UPDATE label SET instances = instances - OLD.instances, pictures = pictures - 1"
            " WHERE id = OLD.label_id",
        ),
        (_sum("label", "label_id", instances="-sum(instances)", pictures="-count(*)"),),
    ),
}
_SQLITE_ONLY = {
    f"{table}_unused": f"AFTER UPDATE ON {table} WHEN NEW.pictures = 0"  # noqa: S608 - constants
    f" BEGIN DELETE FROM {table} WHERE {owner} = NEW.{owner} AND tag = NEW.tag; END"
    for table, owner in (("dataset_tag", "dataset_id"), ("lake_tag", "organization_id"))
} | {
    "picture_leaving": "BEFORE DELETE ON picture BEGIN DELETE FROM picture_tag WHERE picture_id = OLD.id; END"
}
_LEAVING = """
CREATE OR REPLACE FUNCTION picture_leaving() RETURNS trigger LANGUAGE plpgsql AS $function$ BEGIN
    IF EXISTS (SELECT FROM picture_tag WHERE picture_id = OLD.id) THEN
        DELETE FROM picture_tag WHERE picture_id = OLD.id;
    END IF;
    RETURN OLD;
END $function$;
CREATE TRIGGER picture_leaving BEFORE DELETE ON picture FOR EACH ROW EXECUTE FUNCTION picture_leaving()
"""
_THERE = "SELECT count(*) FROM pg_trigger WHERE tgname = 'picture_leaving' AND tgrelid = 'picture'::regclass"

MIGRATION = (
    "ALTER TABLE organization ADD COLUMN pictures INTEGER DEFAULT 0 NOT NULL",
    "ALTER TABLE dataset ADD COLUMN size INTEGER DEFAULT 0 NOT NULL",
    "ALTER TABLE dataset ADD COLUMN annotated INTEGER DEFAULT 0 NOT NULL",
    "ALTER TABLE label ADD COLUMN instances BIGINT DEFAULT 0 NOT NULL",
    "ALTER TABLE label ADD COLUMN pictures INTEGER DEFAULT 0 NOT NULL",
)
"""The columns, for a database from before there were any."""
_COUNTS = (
    "UPDATE organization SET pictures = (SELECT count(*) FROM picture WHERE organization_id = organization.id)",
    "UPDATE dataset SET size = (SELECT count(*) FROM dataset_picture WHERE dataset_id = dataset.id),"
    " annotated = (SELECT count(*) FROM annotation WHERE dataset_id = dataset.id)",
    "UPDATE label SET pictures = (SELECT count(*) FROM annotation_label AS held WHERE held.label_id = label.id),"
    " instances = (SELECT coalesce(sum(held.instances), 0) FROM annotation_label AS held WHERE held.label_id = label.id)",
    "INSERT INTO dataset_tag (dataset_id, tag, pictures) SELECT dataset_id, tag, count(*) FROM dataset_picture"
    " JOIN picture_tag USING (picture_id) GROUP BY dataset_id, tag",
    "INSERT INTO lake_tag (organization_id, tag, pictures) SELECT organization_id, tag, count(*) FROM picture"
    " JOIN picture_tag ON picture_id = picture.id GROUP BY organization_id, tag",
)


def fill(conn: Connection) -> None:
    """Count once what a database from before has."""
    for table in (dataset_tag, lake_tag):
        table.create(conn)
    for statement in _COUNTS:
        conn.exec_driver_sql(statement)


def keep(conn: Connection) -> None:
    """Make the triggers, unless they are there."""
    if conn.dialect.name == "sqlite":
        for name, trigger in _TRIGGERS.items():
            body = "; ".join(trigger.sqlite)
            head = f"CREATE TRIGGER IF NOT EXISTS {name} {trigger.when} {trigger.sqlite_condition}"
            conn.exec_driver_sql(f"{head} BEGIN {body}; END")
        for name, rest in _SQLITE_ONLY.items():
            conn.exec_driver_sql(f"CREATE TRIGGER IF NOT EXISTS {name} {rest}")
    elif not conn.exec_driver_sql(_THERE).scalar_one():
        for name, trigger in _TRIGGERS.items():
            conn.exec_driver_sql(_function(name, trigger))
        conn.exec_driver_sql(_LEAVING)


def _function(name: str, trigger: _Trigger) -> str:
    rows = "NEW" if "INSERT" in trigger.when else "OLD"
    body = " ".join(f"EXECUTE $statement${statement}$statement$;" for statement in trigger.postgresql)
    return (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql"
        f" AS $function$ BEGIN {body} RETURN NULL; END $function$;"
        f" CREATE TRIGGER {name} {trigger.when} REFERENCING {rows} TABLE AS changed"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
    )
