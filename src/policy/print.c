/* print.c - a contract for people: who must be believed, and for what. */
#include "policy_impl.h"

#include <stdio.h>
#include <string.h>

#define PUT(...) MAL_TRY(mal_buf_put_fmt(out, __VA_ARGS__))

static mal_err put_roles(mal_buf *out, const mal_policy_party *p) {
    for (const word *w = policy_role_words; w->text; w++)
        if (p->roles & w->value)
            PUT(" %s", w->text);
    return MAL_OK;
}

static mal_err put_parties(mal_buf *out, const mal_policy_contract *c) {
    PUT("parties\n");
    for (uint32_t i = 0; i < c->n_parties; i++) {
        const mal_policy_party *p = &c->parties[i];
        PUT("  %-16s", p->name);
        MAL_TRY(put_roles(out, p));
        if (p->organisation)
            PUT(", of %s", p->organisation);
        if (p->jurisdiction)
            PUT(", in %s", p->jurisdiction);
        PUT("\n");
    }
    return MAL_OK;
}

static mal_err put_datasets(mal_buf *out, const mal_policy_contract *c) {
    PUT("data\n");
    for (uint32_t i = 0; i < c->n_datasets; i++) {
        const mal_policy_dataset *d = &c->datasets[i];
        PUT("  %s: %u columns, at most %llu rows; protects ", d->name,
            d->n_columns, (unsigned long long)d->rows_max);
        if (d->unit == MAL_POLICY_NONE)
            PUT("every row\n");
        else
            PUT("every %s, up to %llu rows of each\n", d->columns[d->unit].name,
                (unsigned long long)d->contributes_max);
    }
    return MAL_OK;
}

/* Per engine: the adversary, and what is seen beyond the answer. */
static const char *const believed[MAL_POLICY_ENGINES] = {
    [MAL_POLICY_ENGINE_CLEAR] = "clear: the owner itself computes on its data",
    [MAL_POLICY_ENGINE_SUM] =
        "sum: all but one owner may collude against secrecy; seen beyond the "
        "answer: declared row bounds",
    [MAL_POLICY_ENGINE_PSI] =
        "psi: both owners follow the protocol; seen beyond the answer: padded "
        "sizes",
    [MAL_POLICY_ENGINE_SHARE3] =
        "share3: two of three seats are honest; seen beyond the answer: padded "
        "sizes",
    [MAL_POLICY_ENGINE_HE] =
        "he: the holders of the key are honest; seen beyond the answer: sizes",
    [MAL_POLICY_ENGINE_TEE] =
        "tee: the hardware's vendor and the measured code; seen beyond the "
        "answer: what memory access and time tell",
};

static mal_err put_seats(mal_buf *out, const mal_policy_contract *c) {
    uint32_t seats[MAL_POLICY_SEATS];
    if (mal_policy_seats(c, seats) != MAL_OK) {
        PUT("  share3 cannot run: %s\n", mal_err_message());
        mal_err_forget();
        return MAL_OK;
    }
    PUT("  seats of share3:");
    for (unsigned i = 0; i < MAL_POLICY_SEATS; i++)
        PUT("%s %s (of %s)", i ? "," : "", c->parties[seats[i]].name,
            mal_policy_organisation(c, seats[i]));
    PUT("\n");
    return MAL_OK;
}

static mal_err put_trust(mal_buf *out, const mal_policy_contract *c) {
    uint32_t named = 0;
    PUT("who must be believed\n  noise holds against %u colluding owner%s and "
        "the analyst\n",
        c->collude, c->collude == 1 ? "" : "s");
    for (uint32_t i = 0; i < c->n_rules; i++)
        for (uint32_t k = 0;
             c->rules[i].effect != MAL_POLICY_FORBID && k < c->rules[i].n_run;
             k++)
            named |= 1u << c->rules[i].run[k].engine;
    for (uint32_t e = 1; e < MAL_POLICY_ENGINES; e++)
        if (named >> e & 1)
            PUT("  %s\n", believed[e]);
    return named >> MAL_POLICY_ENGINE_SHARE3 & 1 ? put_seats(out, c) : MAL_OK;
}

static mal_err put_rules(mal_buf *out, const mal_policy_contract *c) {
    static const char *const effects[] = { "", "permits", "forbids",
                                           "lets, once signed," };
    PUT("rules\n");
    for (uint32_t i = 0; i < c->n_rules; i++) {
        const mal_policy_rule *r = &c->rules[i];
        PUT("  %s %s ", r->name, effects[r->effect]);
        MAL_TRY(policy_put_operations(out, r->operations));
        for (uint32_t k = 0; k < r->n_from; k++)
            PUT("%s%s", k ? ", " : " over ",
                c->datasets[r->from[k].dataset].name);
        PUT("\n");
    }
    return MAL_OK;
}

mal_err mal_policy_print(mal_buf *out, const mal_policy_contract *contract) {
    const mal_policy_contract *c = contract;
    char hash[65], id[65], date[21];
    mal_hex_encode(hash, mal_bytes_of(c->hash, 32));
    mal_hex_encode(id, mal_bytes_of(c->room_id, 32));
    mal_time_format(date, c->expires);
    PUT("room \"%s\" version %u%s, until %.10s\n", c->name, c->version,
        c->test ? " (test)" : "", date);
    PUT("  contract sha256:%s\n  room-id  sha256:%s\n", hash, id);
    MAL_TRY(put_parties(out, c));
    MAL_TRY(put_datasets(out, c));
    MAL_TRY(put_rules(out, c));
    return put_trust(out, c);
}
