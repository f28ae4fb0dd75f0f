/* side.h - tables of text and what runs over them, for the tests that ask a
 * plan.
 */
#ifndef SIDE_H
#define SIDE_H

#include <malus/sql.h>

typedef struct side {
    const mal_policy_contract *contract;
    mal_duck *duck;
    mal_arena *arena; /* of one query */
} side;

/* FOLDER/OWNER.TABLE holds one row a line, fields between tabs: integers,
 * codes, 32 hex digits of an identifier, or \N. */
mal_err side_load(side *s, const char *folder, unsigned dataset);
/* The tables that a statement reads, as views of the loaded ones. */
mal_err side_views(side *s, const mal_sql_part_table *tables, unsigned n);
/* What a part of share3 yields. */
mal_err side_share_part(side *s, mal_duck_batch *out, const mal_sql_part *part);
/* "@@ ok KIND:SCALE ..", then a row a line, fields between bars. */
mal_err side_print(mal_buf *out, const mal_sql_table *table);

#endif
