"""A value of each type in PostgreSQL, as SQL, for queries that are planned and not run."""

VALUES = {
    "uuid": "md5('p7')",
    "text": "'7'",
    "bytea": "''",
    "json": "'{}'",
    "bool": "false",
    "int4": "16",
    "int8": "16",
    "numeric": "16",
    "float4": "16",
    "float8": "16",
    "int2": "0",
    "timestamptz": "'2025-03-30 05:48:20+00'",
    "date": "'2025-03-30'",
}
