"""Counts that always equal what they count: kept by the statements that change it.

A trigger runs once for each statement, however many rows that changes: a batch costs a fixed
number of statements.
"""

from typing import Final

# What a statement changed, as rows that are there now (sign 1) and rows that were there (sign -1).
_CHANGED: Final = {
    "insert": ("NEW TABLE AS came", "SELECT *, 1 AS sign FROM came"),
    "update": (
        "OLD TABLE AS was NEW TABLE AS came",
        "SELECT *, 1 AS sign FROM came UNION ALL SELECT *, -1 FROM was",
    ),
    "delete": ("OLD TABLE AS was", "SELECT *, -1 AS sign FROM was"),
}
_TRIGGER: Final = """
CREATE OR REPLACE FUNCTION {table}_{way}() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$ BEGIN
{body}    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER counted_{way} AFTER {way} ON {table} REFERENCING {tables}
FOR EACH STATEMENT EXECUTE FUNCTION {table}_{way}();
"""


def counted(table: str, *statements: str) -> str:
    """SQL for the schema: run these after each statement that changes the table.

    They find the changes in `changed`: its rows with a column `sign`, 1 or -1, to be summed.
    """
    made = []
    for way, (tables, changed) in _CHANGED.items():
        body = "".join(f"    WITH changed AS ({changed}) {one};\n" for one in statements)
        made.append(_TRIGGER.format(table=table, way=way, tables=tables, body=body))
    return "".join(made)
