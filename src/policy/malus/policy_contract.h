/* malus/policy_contract.h - the tree of a room contract, and its limits.
 *
 * Every array of a contract stands in canonical order (parties, datasets, rules
 * by name; columns as declared), so an index means the same at every node that
 * holds the same hash.  docs/contract.md has the grammar and the meaning.
 */
#ifndef MALUS_POLICY_CONTRACT_H
#define MALUS_POLICY_CONTRACT_H

#include <malus/base.h>

/* --- Limits of a contract ----------------------------------------------- */

#define MAL_POLICY_TEXT_MAX ((size_t)1 << 20)
#define MAL_POLICY_PARTIES_MAX 64u /* a set of parties is a 64-bit mask */
#define MAL_POLICY_DATASETS_MAX 256u
#define MAL_POLICY_COLUMNS_MAX 1024u /* of one dataset */
#define MAL_POLICY_CODES_MAX 65535u  /* of one dim, without `other` and NULL */
#define MAL_POLICY_RULES_MAX 4096u
#define MAL_POLICY_BUDGETS_MAX 4096u
#define MAL_POLICY_LIST_MAX 1024u /* of any other list in a rule */
#define MAL_POLICY_UNIQUES_MAX 8u /* of one dataset */
#define MAL_POLICY_UNIQUE_COLUMNS_MAX 8u
#define MAL_POLICY_NAME_MAX 63u /* PostgreSQL's own limit */
#define MAL_POLICY_STRING_MAX 1024u
#define MAL_POLICY_SCALE_MAX 9u
#define MAL_POLICY_NONE UINT32_MAX /* no such index, or a missing fact */

/* --- The tree ----------------------------------------------------------- */

typedef uint64_t mal_policy_set; /* of parties: bit i is parties[i] */

enum { /* mal_policy_party.roles */
       MAL_POLICY_OWNER = 1,
       MAL_POLICY_ANALYST = 2,
       MAL_POLICY_COMPUTE = 4,
       MAL_POLICY_WITNESS = 8,
       MAL_POLICY_DELEGATE = 16,
};

typedef struct mal_policy_party {
    const char *name;
    uint32_t roles;
    uint8_t identity[32];     /* Ed25519, long-lived */
    const char *organisation; /* NULL: its own name */
    const char *jurisdiction; /* NULL: not said */
    mal_policy_set
        delegate_for; /* owners for whom it judges while they sleep */
} mal_policy_party;

typedef enum mal_policy_role {
    MAL_POLICY_ID = 1,  /* joined on, never shown */
    MAL_POLICY_DIM = 2, /* grouped and filtered: a code of a closed domain */
    MAL_POLICY_MEASURE = 3, /* aggregated: a fixed-point integer in [lo, hi] */
    MAL_POLICY_SECRET = 4,  /* stored, never used */
} mal_policy_role;

/* A dim's code is the position in its list, or v - lo of its range; one more
 * code, `other`, takes every other value and is answered as a group. */
typedef struct mal_policy_column {
    const char *name;
    mal_policy_role role;
    bool nullable;
    const char *normal;       /* id: the profile, "raw@1" */
    const char *domain;       /* id: its domain; ids join only inside one */
    const char *const *codes; /* dim over a list: [n_codes], else NULL */
    uint32_t n_codes;         /* dim: codes without `other` */
    int64_t lo, hi;     /* measure: scaled by 10^scale; dim over a range */
    uint8_t scale;      /* measure: decimal digits */
    const char *class_; /* NULL: the dataset's */
    uint32_t line;      /* where the text declared it */
} mal_policy_column;

/* `unique a, b`: no two rows agree in all of these columns. */
typedef struct mal_policy_unique {
    const uint32_t *columns; /* ascending */
    uint32_t n;
} mal_policy_unique;

typedef struct mal_policy_dataset {
    const char *name;  /* "acme.customers" */
    const char *table; /* "customers" */
    uint32_t owner;    /* index of a party */
    const mal_policy_column *columns;
    uint32_t n_columns;
    uint32_t unit; /* an id column, or MAL_POLICY_NONE: every row is one */
    uint64_t contributes_max; /* rows of one unit; 1 if every row is one */
    uint64_t units_max;       /* declared bound on units; else rows_max */
    uint64_t rows_max;        /* declared bound, public */
    const mal_policy_unique *uniques; /* in canonical order */
    uint32_t n_uniques;
    bool shared; /* `rests shared`: share3 computes on shares that lie at its
                    seats, made once, and not on what its owner selects */
    const char *class_; /* NULL: none */
    const char *jurisdiction;
    uint32_t line;
} mal_policy_dataset;

typedef enum mal_policy_effect {
    MAL_POLICY_PERMIT = 1,
    MAL_POLICY_FORBID = 2,
    MAL_POLICY_REVIEW =
        3, /* as a permit, once the touched owners signed the plan */
} mal_policy_effect;

enum { /* operations */
       MAL_POLICY_OP_COUNT = 1,
       MAL_POLICY_OP_SUM = 2,
       MAL_POLICY_OP_AVG = 4,
       MAL_POLICY_OP_MIN = 8,
       MAL_POLICY_OP_MAX = 16,
       MAL_POLICY_OP_DISTINCT = 32, /* count distinct */
       MAL_POLICY_OP_ROWS = 64,     /* row-level output */
       MAL_POLICY_OP_TRAIN = 128,
       MAL_POLICY_OP_ALL = 255, /* `*`, in forbid only */
};

enum {                            /* how a plan uses a column */
       MAL_POLICY_USE_FILTER = 1, /* also conditions of CASE */
       MAL_POLICY_USE_GROUP = 2,  /* its label is shown */
       MAL_POLICY_USE_JOIN = 4,
       MAL_POLICY_USE_COUNT = 8, /* count(column) */
       MAL_POLICY_USE_SUM = 16,
       MAL_POLICY_USE_AVG = 32,
       MAL_POLICY_USE_MIN = 64,
       MAL_POLICY_USE_MAX = 128,
       MAL_POLICY_USE_DISTINCT = 256, /* count(DISTINCT column) */
       MAL_POLICY_USE_OUTPUT = 512,   /* its values, row by row: needs `rows` */
       MAL_POLICY_USE_ORDER = 1024,   /* ORDER BY a group column */
       MAL_POLICY_USE_TRAIN = 2048,
       MAL_POLICY_USE_ALL = 4095,
};

/* In what part a rule lets a column play; `as` decides the uses:
 *   dim      filter, group, order, count, count distinct, output, train
 *   measure  count, sum, avg, min, max, output, train
 *   filter   filter (a dim or a measure)
 *   id       count, count distinct     (joins are listed by `join`)         */
typedef enum mal_policy_as {
    MAL_POLICY_AS_DIM = 1,
    MAL_POLICY_AS_MEASURE = 2,
    MAL_POLICY_AS_FILTER = 3,
    MAL_POLICY_AS_ID = 4,
} mal_policy_as;

typedef struct mal_policy_item {
    uint32_t column;
    mal_policy_as as;
} mal_policy_item;

/* Permit: no items, no columns (count(*) and joins only).  Forbid: no items,
 * any use of the dataset. */
typedef struct mal_policy_from {
    uint32_t dataset;
    const mal_policy_item *items; /* by column, then as */
    uint32_t n_items;
} mal_policy_from;

typedef struct mal_policy_join { /* unordered; stored with a below b */
    uint32_t dataset_a, column_a;
    uint32_t dataset_b, column_b;
} mal_policy_join;

typedef struct mal_policy_cref { /* one column of one dataset */
    uint32_t dataset, column;
} mal_policy_cref;

typedef enum mal_policy_engine {
    MAL_POLICY_ENGINE_NONE = 0,
    MAL_POLICY_ENGINE_CLEAR = 1,
    MAL_POLICY_ENGINE_SUM = 2,
    MAL_POLICY_ENGINE_PSI = 3,
    MAL_POLICY_ENGINE_SHARE3 = 4,
    MAL_POLICY_ENGINE_HE = 5,
    MAL_POLICY_ENGINE_TEE = 6,
    MAL_POLICY_ENGINES = 7,
} mal_policy_engine;

typedef enum mal_policy_mode {
    MAL_POLICY_MODE_ANY = 0, /* in a rule: not said.  In facts: missing */
    MAL_POLICY_MODE_SEMI_HONEST = 1,
    MAL_POLICY_MODE_MALICIOUS = 2,
} mal_policy_mode;

typedef struct mal_policy_arg { /* tee (image malus, debug no, tcb >= 2026-09)
                                 */
    const char *key;
    bool at_least; /* `>=`, on dates and integers; else equality of text */
    const char *value;
} mal_policy_arg;

typedef struct mal_policy_run { /* one alternative of `run` */
    mal_policy_engine engine;
    mal_policy_mode mode;       /* SEMI_HONEST is also satisfied by malicious */
    const mal_policy_arg *args; /* by key; each needs an evidence fact */
    uint32_t n_args;
} mal_policy_run;

enum { /* reveals: what an engine shows a party beyond the answer */
       MAL_POLICY_REVEALS_MATCH_COUNT = 1, /* "match count": keys that match */
       MAL_POLICY_REVEALS_ROW_COUNT =
           2, /* "row count": true rows of a dataset */
       MAL_POLICY_REVEALS_NOISED_COUNT =
           4, /* "noised count": rows left at one step, for a part of epsilon */
};

/* A decimal rational: num / den, den a power of ten up to 10^18, no common
 * factor of ten.  den = 0: not said. */
typedef struct mal_policy_ratio {
    uint64_t num, den;
} mal_policy_ratio;

typedef struct mal_policy_touch { /* forbid: `touching` */
    const char *class_;           /* or NULL: */
    mal_policy_cref column;       /* this column */
} mal_policy_touch;

typedef struct mal_policy_rule {
    const char *name;
    mal_policy_effect effect;
    uint32_t operations;
    mal_policy_set by;           /* 0 (forbid only): anyone */
    const mal_policy_from *from; /* by dataset */
    uint32_t n_from;             /* 0 (forbid only): any */
    const mal_policy_join *joins;
    uint32_t n_joins;
    const char *const *purposes; /* "dpv:MarketingMeasurement"; none: any */
    uint32_t n_purposes;
    /* require */
    uint64_t group_min;    /* 0: not said.  Presentation, not protection */
    uint64_t epsilon_nano; /* 0: not said, then nothing noised */
    mal_policy_ratio delta;
    uint64_t rows_max;         /* of the answer; 0: not said, no bound */
    const mal_policy_run *run; /* none (forbid only): any */
    uint32_t n_run;
    mal_policy_set to;            /* never empty in a permit or review */
    uint32_t keep_days;           /* of the stored answer; 0: not kept */
    const mal_policy_cref *exact; /* columns that may leave without noise */
    uint32_t n_exact;
    mal_policy_set exact_to; /* 0: no exact clause */
    uint32_t reveals;
    const char *const *train; /* train (logistic, ...): the models */
    uint32_t n_train;
    const mal_policy_touch *touching; /* forbid only */
    uint32_t n_touching;
    uint32_t line;
} mal_policy_rule;

typedef struct mal_policy_budget {
    uint32_t dataset;
    uint32_t party;         /* MAL_POLICY_NONE: all together, the hard limit */
    uint64_t epsilon_nano;  /* in all; always there */
    uint64_t rate_nano;     /* 0: no rate */
    uint32_t rate_days;     /* a sliding window */
    mal_policy_ratio delta; /* in all; always there */
    uint32_t line;
} mal_policy_budget;

typedef struct mal_policy_index mal_policy_index;

typedef struct mal_policy_contract {
    const char *name;
    uint32_t version; /* from 1 */
    bool test;        /* a room for builds that can open pre-noise values */
    const mal_policy_party *parties;
    uint32_t n_parties;
    const mal_policy_dataset *datasets;
    uint32_t n_datasets;
    const mal_policy_rule *rules;
    uint32_t n_rules;
    const mal_policy_budget *budgets;
    uint32_t n_budgets;
    uint32_t collude;    /* the t of rules.md, 2: below the owners' number */
    uint64_t expires;    /* unix seconds: valid while now < expires */
    uint8_t parent[32];  /* version > 1: the hash it succeeds; else zero */
    uint8_t room_id[32]; /* the hash of version 1 */
    uint8_t hash[32];    /* SHA-256 of canonical, nothing before or after */
    mal_bytes canonical; /* what is signed */
    const mal_policy_index *index;
} mal_policy_contract;

#endif
