"""Table locks of migrations that run beside the previous release."""

from alembic import op

# For each table of a try. A try of four tables ends before `deadlock_timeout` (1 s), and its end releases the locks: so
# no other transaction is canceled.
_TRY_TIMEOUT = "200ms"
_TRIES = 40
# In the last try `lock_timeout` is that of all migrations, which is long enough for PostgreSQL to cancel an autovacuum
# that holds one of the tables.
_LOCK = """
    DO $$
    DECLARE
        timeout text := current_setting('lock_timeout');
    BEGIN
        FOR tries_left IN REVERSE {tries}..0 LOOP
            BEGIN
                PERFORM set_config('lock_timeout', CASE tries_left WHEN 0 THEN timeout ELSE '{try_timeout}' END, true);
                {statements};
                PERFORM set_config('lock_timeout', timeout, true);
                RETURN;
            EXCEPTION WHEN lock_not_available THEN
                IF tries_left = 0 THEN
                    RAISE;
                END IF;
                PERFORM pg_sleep(0.1);
            END;
        END LOOP;
    END $$
"""


def lock_tables(**tables: str) -> None:
    """Lock all of the tables, or none and try again, until the commit of the migration.

    The names are lists of tables by mode: `share_row_exclusive` for triggers and foreign keys, `access_exclusive` for
    other changes of a table. Call this first in a migration that changes more than one table that is in use. Statements
    of the previous release lock tables in different orders: a prepared `WITH … INSERT INTO artifacts` locks `artifacts`
    first, but at its first use the tables of its WITH clauses. A migration that waited for one lock while it held
    another would therefore end in a deadlock.
    """
    statements = (f"LOCK TABLE {names} IN {mode.replace('_', ' ').upper()} MODE" for mode, names in tables.items())
    op.execute(_LOCK.format(tries=_TRIES, try_timeout=_TRY_TIMEOUT, statements=";\n".join(statements)))
