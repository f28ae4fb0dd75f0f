/* canonical.c - the one text of a contract: what is hashed and signed. */
#include "policy_impl.h"

#include <stdio.h>
#include <string.h>

static mal_err put_string(mal_buf *out, const char *text) {
    MAL_TRY(mal_buf_put_u8(out, '"'));
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            MAL_TRY(mal_buf_put_u8(out, '\\'));
        MAL_TRY(mal_buf_put_u8(out, (uint8_t)*text));
    }
    return mal_buf_put_u8(out, '"');
}

static mal_err put_hash(mal_buf *out, const char *what,
                        const uint8_t hash[32]) {
    char hex[65];
    mal_hex_encode(hex, mal_bytes_of(hash, 32));
    return mal_buf_put_fmt(out, "%s sha256:%s\n", what, hex);
}

/* "a, b": the names of a set of parties. */
static mal_err put_parties(mal_buf *out, const mal_policy_contract *c,
                           mal_policy_set set) {
    bool first = true;
    for (uint32_t i = 0; i < c->n_parties; i++) {
        if (!(set >> i & 1))
            continue;
        MAL_TRY(mal_buf_put_fmt(out, "%s%s", first ? "" : ", ",
                                c->parties[i].name));
        first = false;
    }
    return MAL_OK;
}

static mal_err put_party(mal_buf *out, const mal_policy_contract *c,
                         const mal_policy_party *p) {
    MAL_TRY(mal_buf_put_fmt(out, "party %s", p->name));
    for (const word *w = policy_role_words; w->text; w++) {
        if (!(p->roles & w->value))
            continue;
        MAL_TRY(mal_buf_put_fmt(out, " %s", w->text));
        if (w->value == MAL_POLICY_DELEGATE) {
            MAL_TRY(mal_buf_put_str(out, " for "));
            MAL_TRY(put_parties(out, c, p->delegate_for));
        }
    }
    MAL_TRY(mal_buf_put_str(out, " ed25519:"));
    MAL_TRY(mal_base64_encode(out, mal_bytes_of(p->identity, 32)));
    if (p->organisation) {
        MAL_TRY(mal_buf_put_str(out, " organisation "));
        MAL_TRY(put_string(out, p->organisation));
    }
    if (p->jurisdiction)
        MAL_TRY(mal_buf_put_fmt(out, " jurisdiction %s", p->jurisdiction));
    return mal_buf_put_str(out, "\n");
}

/* --- Datasets ----------------------------------------------------------- */

static mal_err put_values(mal_buf *out, const mal_policy_column *k) {
    MAL_TRY(mal_buf_put_str(out, " in "));
    if (!k->codes) {
        MAL_TRY(policy_put_scaled(out, k->lo, k->scale));
        MAL_TRY(mal_buf_put_str(out, " .. "));
        return policy_put_scaled(out, k->hi, k->scale);
    }
    for (uint32_t i = 0; i < k->n_codes; i++) {
        MAL_TRY(mal_buf_put_str(out, i ? ", " : "("));
        MAL_TRY(put_string(out, k->codes[i]));
    }
    return mal_buf_put_str(out, ")");
}

static mal_err put_column(mal_buf *out, const mal_policy_column *k) {
    static const char *const roles[] = { "", "id", "dim", "measure", "secret" };
    MAL_TRY(mal_buf_put_fmt(out, "  %s %s", k->name, roles[k->role]));
    if (k->role == MAL_POLICY_ID)
        MAL_TRY(
            mal_buf_put_fmt(out, " normal %s domain %s", k->normal, k->domain));
    if (k->scale)
        MAL_TRY(mal_buf_put_fmt(out, " decimal(%u)", k->scale));
    if (k->role == MAL_POLICY_DIM || k->role == MAL_POLICY_MEASURE)
        MAL_TRY(put_values(out, k));
    if (k->nullable)
        MAL_TRY(mal_buf_put_str(out, " nullable"));
    if (k->class_)
        MAL_TRY(mal_buf_put_fmt(out, " class %s", k->class_));
    return mal_buf_put_str(out, "\n");
}

static mal_err put_dataset(mal_buf *out, const mal_policy_dataset *d) {
    MAL_TRY(mal_buf_put_fmt(out, "dataset %s", d->name));
    if (d->class_)
        MAL_TRY(mal_buf_put_fmt(out, " class %s", d->class_));
    if (d->jurisdiction)
        MAL_TRY(mal_buf_put_fmt(out, " jurisdiction %s", d->jurisdiction));
    MAL_TRY(mal_buf_put_str(out, " {\n"));
    for (uint32_t i = 0; i < d->n_columns; i++)
        MAL_TRY(put_column(out, &d->columns[i]));
    if (d->unit == MAL_POLICY_NONE)
        MAL_TRY(mal_buf_put_str(out, "  privacy unit row\n"));
    else
        MAL_TRY(mal_buf_put_fmt(
            out, "  privacy unit %s contributes at most %llu row%s\n",
            d->columns[d->unit].name, (unsigned long long)d->contributes_max,
            d->contributes_max == 1 ? "" : "s"));
    for (uint32_t i = 0; i < d->n_uniques; i++) {
        for (uint32_t k = 0; k < d->uniques[i].n; k++)
            MAL_TRY(mal_buf_put_fmt(out, "%s%s", k ? ", " : "  unique ",
                                    d->columns[d->uniques[i].columns[k]].name));
        MAL_TRY(mal_buf_put_str(out, "\n"));
    }
    if (d->shared)
        MAL_TRY(mal_buf_put_str(out, "  rests shared\n"));
    if (d->units_max < d->rows_max)
        MAL_TRY(mal_buf_put_fmt(out, "  units at most %llu\n",
                                (unsigned long long)d->units_max));
    return mal_buf_put_fmt(out, "  rows at most %llu\n}\n",
                           (unsigned long long)d->rows_max);
}

/* --- Rules -------------------------------------------------------------- */

static mal_err put_operations(mal_buf *out, const mal_policy_rule *r) {
    const char *comma = " ";
    if (r->operations == MAL_POLICY_OP_ALL && r->effect == MAL_POLICY_FORBID &&
        !r->n_train)
        return mal_buf_put_str(out, " *");
    if (r->operations & MAL_POLICY_OP_DISTINCT) {
        MAL_TRY(mal_buf_put_str(out, " count distinct"));
        comma = ", ";
    }
    for (const word *w = policy_op_words; w->text; w++) {
        if (!(r->operations & w->value))
            continue;
        MAL_TRY(mal_buf_put_fmt(out, "%s%s", comma, w->text));
        comma = ", ";
        if (w->value != MAL_POLICY_OP_TRAIN)
            continue;
        for (uint32_t i = 0; i < r->n_train; i++)
            MAL_TRY(mal_buf_put_fmt(out, "%s%s", i ? ", " : " (", r->train[i]));
        if (r->n_train)
            MAL_TRY(mal_buf_put_str(out, ")"));
    }
    return MAL_OK;
}

static mal_err put_from(mal_buf *out, const mal_policy_contract *c,
                        const mal_policy_rule *r) {
    for (uint32_t i = 0; i < r->n_from; i++) {
        const mal_policy_from *from = &r->from[i];
        const mal_policy_dataset *d = &c->datasets[from->dataset];
        MAL_TRY(mal_buf_put_fmt(out, "%s%s", i ? ", " : "\n  from ", d->name));
        for (uint32_t k = 0; k < from->n_items; k++)
            MAL_TRY(mal_buf_put_fmt(
                out, "%s%s %s", k ? ", " : " (",
                policy_word_of(policy_as_words, from->items[k].as),
                d->columns[from->items[k].column].name));
        if (from->n_items)
            MAL_TRY(mal_buf_put_str(out, ")"));
    }
    return MAL_OK;
}

static mal_err put_cref(mal_buf *out, const mal_policy_contract *c,
                        uint32_t dataset, uint32_t column) {
    const mal_policy_dataset *d = &c->datasets[dataset];
    return mal_buf_put_fmt(out, "%s.%s", d->name, d->columns[column].name);
}

static mal_err put_joins(mal_buf *out, const mal_policy_contract *c,
                         const mal_policy_rule *r) {
    for (uint32_t i = 0; i < r->n_joins; i++) {
        const mal_policy_join *j = &r->joins[i];
        MAL_TRY(mal_buf_put_str(out, i ? ", " : "\n  join "));
        MAL_TRY(put_cref(out, c, j->dataset_a, j->column_a));
        MAL_TRY(mal_buf_put_str(out, " = "));
        MAL_TRY(put_cref(out, c, j->dataset_b, j->column_b));
    }
    return MAL_OK;
}

static mal_err put_requirements(mal_buf *out, const mal_policy_rule *r) {
    const char *comma = "\n  require ";
    char text[32];
    if (r->group_min) {
        MAL_TRY(mal_buf_put_fmt(out, "%sgroup >= %llu", comma,
                                (unsigned long long)r->group_min));
        comma = ", ";
    }
    if (r->epsilon_nano) {
        policy_text_nano(text, r->epsilon_nano);
        MAL_TRY(mal_buf_put_fmt(out, "%sepsilon <= %s", comma, text));
        comma = ", ";
    }
    if (r->delta.den) {
        policy_text_ratio(text, r->delta);
        MAL_TRY(mal_buf_put_fmt(out, "%sdelta <= %s", comma, text));
        comma = ", ";
    }
    if (r->rows_max)
        MAL_TRY(mal_buf_put_fmt(out, "%srows <= %llu", comma,
                                (unsigned long long)r->rows_max));
    return MAL_OK;
}

static mal_err put_run(mal_buf *out, const mal_policy_rule *r) {
    static const char *const modes[] = { "", " semi-honest", " malicious" };
    for (uint32_t i = 0; i < r->n_run; i++) {
        const mal_policy_run *run = &r->run[i];
        MAL_TRY(mal_buf_put_fmt(out, "%s%s%s", i ? " | " : "\n  run ",
                                mal_policy_engine_name(run->engine),
                                modes[run->mode]));
        for (uint32_t k = 0; k < run->n_args; k++) {
            const mal_policy_arg *arg = &run->args[k];
            MAL_TRY(mal_buf_put_fmt(out, "%s%s ", k ? ", " : " (", arg->key));
            if (arg->at_least)
                MAL_TRY(mal_buf_put_fmt(out, ">= %s", arg->value));
            else
                MAL_TRY(put_string(out, arg->value));
        }
        if (run->n_args)
            MAL_TRY(mal_buf_put_str(out, ")"));
    }
    return MAL_OK;
}

static mal_err put_exact(mal_buf *out, const mal_policy_contract *c,
                         const mal_policy_rule *r) {
    for (uint32_t i = 0; i < r->n_exact; i++) {
        MAL_TRY(mal_buf_put_str(out, i ? ", " : "\n  exact columns "));
        MAL_TRY(put_cref(out, c, r->exact[i].dataset, r->exact[i].column));
    }
    if (!r->exact_to)
        return MAL_OK;
    MAL_TRY(mal_buf_put_str(out, " to "));
    return put_parties(out, c, r->exact_to);
}

static mal_err put_words(mal_buf *out, const mal_policy_contract *c,
                         const mal_policy_rule *r) {
    const char *comma = "\n  reveals ";
    for (const word *w = policy_reveal_words; w->text; w++) {
        if (!(r->reveals & w->value))
            continue;
        MAL_TRY(mal_buf_put_fmt(out, "%s%s count", comma, w->text));
        comma = ", ";
    }
    for (uint32_t i = 0; i < r->n_touching; i++) {
        const mal_policy_touch *t = &r->touching[i];
        MAL_TRY(mal_buf_put_str(out, i ? ", " : "\n  touching "));
        if (t->class_) {
            MAL_TRY(mal_buf_put_fmt(out, "class %s", t->class_));
            continue;
        }
        MAL_TRY(mal_buf_put_str(out, "column "));
        MAL_TRY(put_cref(out, c, t->column.dataset, t->column.column));
    }
    return MAL_OK;
}

static mal_err put_rule(mal_buf *out, const mal_policy_contract *c,
                        const mal_policy_rule *r) {
    static const char *const effects[] = { "", "permit", "forbid", "review" };
    MAL_TRY(mal_buf_put_fmt(out, "rule %s %s", r->name, effects[r->effect]));
    MAL_TRY(put_operations(out, r));
    if (r->by) {
        MAL_TRY(mal_buf_put_str(out, "\n  by "));
        MAL_TRY(put_parties(out, c, r->by));
    }
    MAL_TRY(put_from(out, c, r));
    MAL_TRY(put_joins(out, c, r));
    for (uint32_t i = 0; i < r->n_purposes; i++)
        MAL_TRY(mal_buf_put_fmt(out, "%s%s", i ? ", " : "\n  for ",
                                r->purposes[i]));
    MAL_TRY(put_requirements(out, r));
    MAL_TRY(put_run(out, r));
    if (r->to) {
        MAL_TRY(mal_buf_put_str(out, "\n  to "));
        MAL_TRY(put_parties(out, c, r->to));
    }
    if (r->keep_days)
        MAL_TRY(mal_buf_put_fmt(out, "\n  keep %u day%s", r->keep_days,
                                r->keep_days == 1 ? "" : "s"));
    MAL_TRY(put_exact(out, c, r));
    MAL_TRY(put_words(out, c, r));
    return mal_buf_put_str(out, "\n");
}

static mal_err put_budget(mal_buf *out, const mal_policy_contract *c,
                          const mal_policy_budget *b) {
    char text[32];
    MAL_TRY(mal_buf_put_fmt(
        out, "budget %s for %s epsilon ", c->datasets[b->dataset].name,
        b->party == MAL_POLICY_NONE ? "all" : c->parties[b->party].name));
    if (b->rate_nano) {
        policy_text_nano(text, b->rate_nano);
        MAL_TRY(mal_buf_put_fmt(out, "%s per %u day%s, ", text, b->rate_days,
                                b->rate_days == 1 ? "" : "s"));
    }
    policy_text_nano(text, b->epsilon_nano);
    MAL_TRY(mal_buf_put_fmt(out, "%s in all, delta ", text));
    MAL_TRY(policy_put_ratio(out, b->delta));
    return mal_buf_put_str(out, "\n");
}

mal_err mal_policy_canonical(mal_buf *out,
                             const mal_policy_contract *contract) {
    const mal_policy_contract *c = contract;
    char date[21];
    MAL_TRY(mal_buf_put_str(out, "room "));
    MAL_TRY(put_string(out, c->name));
    MAL_TRY(mal_buf_put_fmt(out, " version %u%s\n", c->version,
                            c->test ? " test" : ""));
    if (c->version > 1) {
        MAL_TRY(put_hash(out, "parent", c->parent));
        MAL_TRY(put_hash(out, "room-id", c->room_id));
    }
    for (uint32_t i = 0; i < c->n_parties; i++)
        MAL_TRY(put_party(out, c, &c->parties[i]));
    for (uint32_t i = 0; i < c->n_datasets; i++)
        MAL_TRY(put_dataset(out, &c->datasets[i]));
    for (uint32_t i = 0; i < c->n_rules; i++)
        MAL_TRY(put_rule(out, c, &c->rules[i]));
    for (uint32_t i = 0; i < c->n_budgets; i++)
        MAL_TRY(put_budget(out, c, &c->budgets[i]));
    mal_time_format(date, c->expires);
    return mal_buf_put_fmt(out,
                           "collude %u\nconsent all owners\nwithdraw any "
                           "owner\nexpires %.10s\n",
                           c->collude, date);
}
