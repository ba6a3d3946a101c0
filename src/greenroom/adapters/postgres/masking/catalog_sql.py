"""The questions put to the catalog, for `catalog.py`. `OURS(catalog, oid)`: the application's, not an extension's."""

from __future__ import annotations

from greenroom.adapters.postgres.schema import _IS_OURS, OURS

TABLES = """
    SELECT c.oid::int8, n.nspname, c.relname, c.relkind,
           coalesce((SELECT array_agg(i.inhparent::int8 ORDER BY i.inhseqno)
                       FROM pg_inherits i WHERE i.inhrelid = c.oid), '{}'),
           c.relispartition, CASE WHEN c.relispartition THEN pg_get_partition_constraintdef(c.oid) END,
           coalesce((SELECT array_agg(a.attname::text) FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND c.relkind = 'p' AND (a.attnum = ANY (
                SELECT unnest(p.partattrs::int2[]) FROM pg_partitioned_table p WHERE p.partrelid = c.oid)
                OR EXISTS (SELECT FROM pg_partitioned_table p JOIN pg_depend d ON d.classid = 'pg_class'::regclass
                   AND d.objid = c.oid AND d.refobjid = c.oid AND d.refobjsubid = a.attnum
                   WHERE p.partrelid = c.oid AND p.partexprs IS NOT NULL))), '{}'),
           CASE WHEN c.relkind = 'r' THEN pg_relation_size(c.oid) ELSE 0 END,
           CASE WHEN c.relkind = 'r' THEN pg_table_size(c.oid) ELSE 0 END
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' AND OURS(pg_class, c.oid)
"""

COLUMNS = """
    SELECT c.oid::int8, n.nspname, c.relname, a.attname, a.atttypid::int8, format_type(a.atttypid, a.atttypmod),
           a.atttypmod, NOT a.attnotnull, a.attnum, a.attndims, a.attgenerated,
           CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END, a.attinhcount > 0
      FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f') AND OURS(pg_class, c.oid)
     ORDER BY c.oid, a.attnum
"""

UNIQUES = """
    SELECT i.indrelid::int8, c.relname,
           (SELECT array_agg(CASE WHEN k.plain THEN k.attname ELSE pg_get_indexdef(i.indexrelid, k.at, false) END
                             ORDER BY k.at)
              FROM (SELECT g.at, a.attname::text, i.indexprs IS NULL AND i.indpred IS NULL AS plain
                      FROM generate_series(1, i.indnkeyatts::int) AS g(at)
                      LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[g.at - 1]) k),
           (SELECT coalesce(array_agg(DISTINCT a.attname::text), '{}') FROM pg_attribute a
             WHERE a.attrelid = i.indrelid AND a.attnum > 0
               AND (a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1]) OR EXISTS (
                    SELECT FROM pg_depend d WHERE (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
                       AND d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                       AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid
                       AND d.refobjsubid = a.attnum))),
           pg_get_expr(i.indpred, i.indrelid), i.indnullsnotdistinct,
           i.indexprs IS NULL AND i.indpred IS NULL, i.indisprimary
      FROM pg_index i
      JOIN pg_class c ON c.oid = i.indexrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE i.indisunique AND i.indisvalid AND OURS(pg_class, i.indrelid) AND EXISTS (
           SELECT FROM pg_class t WHERE t.oid = i.indrelid AND t.relkind IN ('r', 'p'))
"""

UNIQUES_BEFORE_15 = UNIQUES.replace("i.indnullsnotdistinct", "false")

_COLUMNS_OF = """coalesce((SELECT array_agg(a.attname::text) FROM pg_attribute a
              WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)), '{}')"""

CHECKS = f"""
    SELECT k.conrelid::int8, k.conname, pg_get_expr(k.conbin, k.conrelid), {_COLUMNS_OF}
      FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
     WHERE k.contype = 'c' AND k.conrelid <> 0 AND k.convalidated AND OURS(pg_class, k.conrelid)
"""

EXCLUSIONS = """
    SELECT k.conrelid::int8, k.conname,
           (SELECT array_agg(pg_get_indexdef(k.conindid, g.at, false) ORDER BY g.at)
              FROM generate_series(1, cardinality(k.conexclop)) AS g(at)),
           (SELECT array_agg(format('OPERATOR(%I.%s)', s.nspname, o.oprname) ORDER BY x.at)
              FROM unnest(k.conexclop) WITH ORDINALITY AS x(op, at)
              JOIN pg_operator o ON o.oid = x.op JOIN pg_namespace s ON s.oid = o.oprnamespace),
           (SELECT coalesce(array_agg(DISTINCT a.attname::text), '{}') FROM pg_depend d
              JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = d.refobjsubid
             WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = k.conrelid AND d.refobjsubid > 0
               AND ((d.classid = 'pg_class'::regclass AND d.objid = k.conindid)
                 OR (d.classid = 'pg_constraint'::regclass AND d.objid = k.oid))),
           pg_get_expr(i.indpred, i.indrelid)
      FROM pg_constraint k
      JOIN pg_index i ON i.indexrelid = k.conindid
      JOIN pg_namespace n ON n.oid = k.connamespace
     WHERE k.contype = 'x' AND OURS(pg_class, k.conrelid)
"""

REFERENCES = """
    SELECT k.conrelid::int8,
           (SELECT array_agg(a.attname::text ORDER BY x.at) FROM unnest(k.conkey) WITH ORDINALITY AS x(n, at)
              JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = x.n),
           k.confrelid::int8,
           (SELECT array_agg(a.attname::text ORDER BY x.at) FROM unnest(k.confkey) WITH ORDINALITY AS x(n, at)
              JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = x.n),
           k.conname,
           (SELECT array_agg(format('OPERATOR(%I.%s)', s.nspname, o.oprname) ORDER BY x.at)
              FROM unnest(k.conpfeqop) WITH ORDINALITY AS x(op, at)
              JOIN pg_operator o ON o.oid = x.op JOIN pg_namespace s ON s.oid = o.oprnamespace)
      FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
     WHERE k.contype = 'f' AND k.conparentid = 0 AND OURS(pg_class, k.conrelid)
     ORDER BY k.conname, k.oid
"""

SEQUENCES = """
    SELECT n.nspname, c.relname, s.seqincrement, o.refobjid::int8, o.attname
      FROM pg_sequence s
      JOIN pg_class c ON c.oid = s.seqrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN LATERAL (SELECT d.refobjid, a.attname FROM pg_depend d
             JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
              AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 LIMIT 1) o ON true
     WHERE c.relpersistence <> 't' AND OURS(pg_class, c.oid)
"""

MATVIEWS = """
    WITH RECURSIVE reads AS (
        SELECT DISTINCT r.ev_class AS reader, d.refobjid AS read
          FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
           AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class),
    depth AS (
        SELECT c.oid, 0 AS at FROM pg_class c WHERE c.relkind IN ('v', 'm')
        UNION SELECT reads.reader, depth.at + 1 FROM depth JOIN reads ON reads.read = depth.oid)
    SELECT n.nspname, c.relname
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'm' AND c.relispopulated AND OURS(pg_class, c.oid)
     ORDER BY (SELECT max(at) FROM depth WHERE depth.oid = c.oid), 1, 2
"""

ROLES = """
    SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND oid IN (
        SELECT refobjid FROM pg_shdepend
         WHERE refclassid = 'pg_authid'::regclass
           AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database()))
     ORDER BY 1
"""

BUILT = """
    SELECT 'pg_class'::regclass::oid::int8, i.indexrelid::int8, pg_relation_size(i.indexrelid), ARRAY[i.indrelid::int8]
      FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
     WHERE t.relkind IN ('r', 'p') AND OURS(pg_class, i.indrelid)
    UNION ALL
    SELECT 'pg_constraint'::regclass::oid::int8, k.oid::int8,
           CASE WHEN k.contype = 'f' THEN pg_relation_size(k.conrelid) ELSE pg_relation_size(k.conindid) END,
           CASE WHEN k.contype = 'f' THEN ARRAY[k.conrelid::int8, k.confrelid::int8] ELSE ARRAY[k.conrelid::int8] END
      FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid
     WHERE k.contype IN ('p', 'u', 'x', 'f') AND t.relkind IN ('r', 'p') AND OURS(pg_class, k.conrelid)
"""

LEFT_OUT = """
    SELECT format('publication %I: a copy publishes nothing', pubname) FROM pg_publication
    UNION ALL
    SELECT format('rows of %s: they belong to the extension %I', c::regclass, e.extname)
      FROM pg_extension e, unnest(e.extconfig) AS c
    UNION ALL
    SELECT format('rows of foreign table %I.%I: they are another server''s', n.nspname, c.relname)
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'f' AND OURS(pg_class, c.oid)
"""


def of_the_application(query: str) -> str:
    """The question with `OURS(…)` spelled out. The namespace stands as `n` where the question joins it."""
    if " n ON n.oid" in query:
        return OURS.sub(_IS_OURS, query)
    return OURS.sub(
        r"""EXISTS (SELECT FROM pg_class own JOIN pg_namespace n ON n.oid = own.relnamespace
            WHERE own.oid = \2 AND """
        + _IS_OURS
        + ")",
        query,
    )
