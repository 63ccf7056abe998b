"""The schema that the migrations make is the one of the models, in both directions."""

from __future__ import annotations

from sqlalchemy import text

from migrations.runner import check, current_revision, downgrade, head_revision, upgrade

# Tables, columns, indexes, constraints, triggers, functions and sequences with their definitions.
SCHEMA = """
SELECT 'column', table_schema || '.' || table_name || '.' || column_name,
    concat_ws(' ', data_type, is_nullable, column_default, is_generated, generation_expression)
FROM information_schema.columns WHERE table_schema IN ('public', 'staging')
UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid)
FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', proname, pg_get_functiondef(oid)
FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
UNION ALL SELECT 'sequence', relname, '' FROM pg_class
WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
UNION ALL SELECT 'schema', nspname, '' FROM pg_namespace WHERE nspname = 'staging'
ORDER BY 1, 2, 3
"""

# Foreign keys whose columns are not the first ones, in any order, of an index over all rows.
UNINDEXED = """
SELECT c.conrelid::regclass::text || ': ' || c.conname
FROM pg_constraint c
WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace AND NOT EXISTS (
    SELECT 1 FROM pg_index i
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
    -- An index of the rows that have a parent finds all children of one.
    WHERE i.indrelid = c.conrelid
        AND coalesce(pg_get_expr(i.indpred, i.indrelid) = '(' || a.attname || ' IS NOT NULL)', true)
        AND (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey
        AND (i.indkey::int2[])[0:cardinality(c.conkey) - 1] <@ c.conkey
)
ORDER BY 1
"""


async def schema_of(engine):
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(SCHEMA))]


async def test_up_down_and_up_again_gives_the_same_schema(database, engine):
    before = await schema_of(engine)
    await downgrade(database, "base")
    emptied = await schema_of(engine)
    assert await current_revision(database) is None
    await upgrade(database)

    assert {name for kind, name, _ in emptied if kind == "column"} == {"public.alembic_version.version_num"}
    assert [row for row in emptied if row[0] in {"trigger", "function", "sequence", "schema"}] == []
    assert await schema_of(engine) == before
    assert any(kind == "trigger" for kind, _, _ in before)


async def test_each_step_back_can_be_gone_forward_again(database, engine):
    before = await schema_of(engine)
    await downgrade(database, "-1")
    assert await current_revision(database) != head_revision()
    await upgrade(database)

    assert await schema_of(engine) == before


async def test_a_migrated_database_is_at_the_head(database):
    assert await current_revision(database) == head_revision()


async def test_migrating_twice_changes_nothing(database, engine):
    before = await schema_of(engine)
    await upgrade(database)

    assert await schema_of(engine) == before


async def test_models_and_migrated_schema_do_not_differ(database):
    await check(database)


async def test_every_foreign_key_is_the_beginning_of_an_index(engine):
    async with engine.connect() as connection:
        assert list(await connection.scalars(text(UNINDEXED))) == []
