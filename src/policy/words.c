/* words.c - the words of the language, each table in canonical order. */
#include "policy_impl.h"

#include <string.h>

const word policy_role_words[] = {
    { "owner", MAL_POLICY_OWNER },       { "analyst", MAL_POLICY_ANALYST },
    { "compute", MAL_POLICY_COMPUTE },   { "witness", MAL_POLICY_WITNESS },
    { "delegate", MAL_POLICY_DELEGATE }, { 0 },
};
const word policy_op_words[] = {
    { "count", MAL_POLICY_OP_COUNT }, { "sum", MAL_POLICY_OP_SUM },
    { "avg", MAL_POLICY_OP_AVG },     { "min", MAL_POLICY_OP_MIN },
    { "max", MAL_POLICY_OP_MAX },     { "rows", MAL_POLICY_OP_ROWS },
    { "train", MAL_POLICY_OP_TRAIN }, { 0 },
};
const word policy_engine_words[] = {
    { "clear", MAL_POLICY_ENGINE_CLEAR },
    { "sum", MAL_POLICY_ENGINE_SUM },
    { "psi", MAL_POLICY_ENGINE_PSI },
    { "share3", MAL_POLICY_ENGINE_SHARE3 },
    { "he", MAL_POLICY_ENGINE_HE },
    { "tee", MAL_POLICY_ENGINE_TEE },
    { 0 },
};
const word policy_as_words[] = {
    { "dim", MAL_POLICY_AS_DIM },
    { "measure", MAL_POLICY_AS_MEASURE },
    { "filter", MAL_POLICY_AS_FILTER },
    { "id", MAL_POLICY_AS_ID },
    { 0 },
};
const word policy_reveal_words[] = {
    { "match", MAL_POLICY_REVEALS_MATCH_COUNT },   /* match count */
    { "row", MAL_POLICY_REVEALS_ROW_COUNT },       /* row count */
    { "noised", MAL_POLICY_REVEALS_NOISED_COUNT }, /* noised count */
    { 0 },
};
const char *const policy_clause_words[] = {
    "by", "from", "join",  "for",     "require",  "run",
    "to", "keep", "exact", "reveals", "touching", NULL,
};

/* Kept free, so that no sentence of a contract can be read in two ways. */
static const char *const reserved[] = {
    "room",         "version", "test",    "parent",   "party",   "owner",
    "analyst",      "compute", "witness", "delegate", "dataset", "rule",
    "permit",       "forbid",  "review",  "budget",   "collude", "consent",
    "withdraw",     "expires", "use",     "all",      "any",     "owners",
    "by",           "from",    "join",    "for",      "require", "run",
    "to",           "keep",    "exact",   "columns",  "column",  "reveals",
    "touching",     "in",      "class",   "row",      "rows",    "organisation",
    "jurisdiction", NULL,
};
static const char *const options[] = {
    "privacy",      "rows",        "row",    "units",    "class",
    "jurisdiction", "contributes", "normal", "nullable", "in",
    "decimal",      "domain",      "unique", "rests",    NULL,
};

static bool stands_in(const char *const *table, const char *text, size_t len) {
    for (; *table; table++)
        if (strlen(*table) == len &&
            mal_compare_vartime(*table, text, len) == 0)
            return true;
    return false;
}

bool policy_word_reserved(const char *text, size_t len) {
    return stands_in(reserved, text, len);
}

bool policy_word_is_option(const char *text, size_t len) {
    return stands_in(options, text, len);
}

const char *policy_word_of(const word *table, uint32_t value) {
    for (; table->text; table++)
        if (table->value == value)
            return table->text;
    return "?";
}

mal_err policy_put_operations(mal_buf *out, uint32_t operations) {
    const char *comma = "";
    if (operations & MAL_POLICY_OP_DISTINCT) {
        MAL_TRY(mal_buf_put_str(out, "count distinct"));
        comma = ", ";
    }
    for (const word *w = policy_op_words; w->text; w++)
        if (operations & w->value) {
            MAL_TRY(mal_buf_put_fmt(out, "%s%s", comma, w->text));
            comma = ", ";
        }
    return MAL_OK;
}

const char *mal_policy_engine_name(mal_policy_engine engine) {
    return engine == MAL_POLICY_ENGINE_NONE
               ? "none"
               : policy_word_of(policy_engine_words, engine);
}

mal_policy_engine mal_policy_engine_find(const char *name) {
    for (const word *w = policy_engine_words; w->text; w++)
        if (strcmp(w->text, name) == 0)
            return (mal_policy_engine)w->value;
    return MAL_POLICY_ENGINE_NONE;
}

const char *mal_policy_code_name(mal_policy_code code) {
    switch (code) {
#define X(name, value, text)                                                   \
    case name:                                                                 \
        return text;
        MAL_POLICY_CODE_MAP(X)
#undef X
    }
    return "unknown";
}
