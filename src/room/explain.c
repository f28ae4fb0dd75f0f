/* explain.c - before anything is asked: who computes what, who learns what,
 * what it costs, how loud the noise is, and which rule permits it.  Declared
 * bounds only; no data, no budget. */
#include "share3_impl.h"

#include <stdio.h>
#include <string.h>

typedef struct explained {
    mal_room *room;
    mal_arena *arena;
    room_judged judged;
    room_request request;
} explained;

static mal_err put_nano(mal_buf *out, uint64_t nano) {
    return mal_buf_put_fmt(out, "%llu.%09llu",
                           (unsigned long long)(nano / 1000000000u),
                           (unsigned long long)(nano % 1000000000u));
}

static mal_err put_verdict(mal_buf *out, const explained *e) {
    const mal_policy_verdict *v = &e->judged.verdict;
    const mal_policy_contract *c = e->room->contract;
    MAL_TRY(mal_buf_put_str(out, "\nPolicy\n"));
    if (v->outcome == MAL_POLICY_ALLOW) {
        MAL_TRY(mal_buf_put_fmt(out, "  permitted by rule %s (line %u)",
                                c->rules[v->rule].name,
                                c->rules[v->rule].line));
        if (v->group_min)
            MAL_TRY(mal_buf_put_fmt(out, ", groups under %llu are not shown",
                                    (unsigned long long)v->group_min));
        if (v->keep_days)
            MAL_TRY(mal_buf_put_fmt(out, ", the answer is kept %u days",
                                    v->keep_days));
        return mal_buf_put_str(out, "\n");
    }
    MAL_TRY(mal_buf_put_fmt(out, "  %s (%s): %s\n",
                            v->outcome == MAL_POLICY_REFUSE ? "REFUSED"
                                                            : "NEEDS REVIEW",
                            mal_policy_code_name(v->code), v->text));
    if (*v->nearest)
        MAL_TRY(mal_buf_put_fmt(out, "  nearest: %s\n", v->nearest));
    return MAL_OK;
}

static const char *mode_text(const struct room_option *o) {
    return o->mode == MAL_POLICY_MODE_MALICIOUS ? " malicious" : "";
}

/* An engine that was considered: dearer, or why it may not run. */
static mal_err put_option(mal_buf *out, const struct room_option *o) {
    const char *name = mal_policy_engine_name(o->engine);
    if (o->why)
        return mal_buf_put_fmt(out, "  not %s%s: %s\n", name, mode_text(o),
                               o->why);
    return mal_buf_put_fmt(out,
                           "  not %s%s: about %.1f s, %.1f MB, %u rounds\n",
                           name, mode_text(o), o->cost.seconds,
                           (double)o->cost.bytes / 1e6, o->cost.rounds);
}

static bool taken(const room_judged *j, const struct room_option *o) {
    return o->engine == j->engine && o->mode == j->facts.mode;
}

/* The losers, and why. */
static mal_err put_engines(mal_buf *out, const explained *e) {
    const room_judged *j = &e->judged;
    static const struct {
        mal_policy_engine engine;
        const char *joins, *adds;
    } losers[] = {
        { MAL_POLICY_ENGINE_CLEAR, "two owners hold the data",
          "several owners hold the data" },
        { MAL_POLICY_ENGINE_SUM, "it adds up tables, and does not join them",
          "one owner holds all the data" },
        { MAL_POLICY_ENGINE_PSI, "", "nothing is joined between two owners" },
        { MAL_POLICY_ENGINE_SHARE3, "no rule lets you run it",
          "no rule lets you run it" },
        { MAL_POLICY_ENGINE_TEE, "not in this build", "not in this build" },
        { MAL_POLICY_ENGINE_HE, "not in this build", "not in this build" },
    };
    bool join = j->physical->shape == MAL_SQL_JOIN || room_exact(j);
    bool known[MAL_POLICY_ENGINE_TEE + 1] = { false };
    mal_room_cost cost;
    MAL_TRY(room_cost_of(&cost, e->room, j));
    for (unsigned i = 0; i < j->n_options; i++) {
        known[j->options[i].engine] = true;
        if (taken(j, &j->options[i]))
            MAL_TRY(mal_buf_put_fmt(
                out,
                "\nEngine\n  %s%s: about %.1f s, %.1f MB, %u rounds "
                "(by declared bounds)\n",
                mal_policy_engine_name(j->engine), mode_text(&j->options[i]),
                cost.seconds, (double)cost.bytes / 1e6, cost.rounds));
    }
    for (unsigned i = 0; i < j->n_options; i++)
        if (!taken(j, &j->options[i]))
            MAL_TRY(put_option(out, &j->options[i]));
    for (size_t i = 0; i < sizeof losers / sizeof *losers; i++)
        if (!known[losers[i].engine])
            MAL_TRY(mal_buf_put_fmt(out, "  not %s: %s\n",
                                    mal_policy_engine_name(losers[i].engine),
                                    join ? losers[i].joins : losers[i].adds));
    return mal_buf_put_fmt(
        out, "  seconds: by %s\n",
        e->room->costs.measured
            ? "what was measured on this machine (costs.json)"
            : "built-in figures; `malus bench calibrate` measures this "
              "machine");
}

static mal_err put_parts(mal_buf *out, const explained *e) {
    const mal_sql_physical *p = e->judged.physical;
    const mal_policy_contract *c = e->room->contract;
    static const char *const roles[] = {
        "",
        "adds up its rows by cell",
        "adds up its rows by key and cell",
        "lists its distinct keys",
        "selects its rows, to be shared",
        "lists its rows",
    };
    MAL_TRY(mal_buf_put_str(out, "\nWho computes what\n"));
    for (unsigned i = 0; i < p->n_parts; i++) {
        MAL_TRY(mal_buf_put_fmt(out, "  %-10s %s, in the clear, over",
                                c->parties[p->parts[i].owner].name,
                                roles[p->parts[i].role]));
        for (unsigned t = 0; t < p->parts[i].n_tables; t++)
            MAL_TRY(mal_buf_put_fmt(
                out, " %s", c->datasets[p->parts[i].tables[t].dataset].name));
        MAL_TRY(mal_buf_put_str(out, "\n"));
    }
    if (room_exact(&e->judged))
        return mal_buf_put_fmt(out,
                               "  together   psi over keys\n"
                               "  %-10s sees which of its rows match, alone\n",
                               c->parties[e->request.requester].name);
    if (p->training)
        MAL_TRY(mal_buf_put_fmt(out, "  together   %s fits %s, %llu words\n",
                                mal_policy_engine_name(e->judged.engine),
                                p->aggs[0].label,
                                (unsigned long long)p->n_cells));
    else
        MAL_TRY(mal_buf_put_fmt(
            out, "  together   %s over %llu cells x %u aggregates\n",
            mal_policy_engine_name(e->judged.engine),
            (unsigned long long)p->n_cells, p->n_aggs));
    return mal_buf_put_fmt(out, "  %-10s opens the noised answer, alone\n",
                           c->parties[e->request.requester].name);
}

/* A symmetric matrix of noise of deviation s has eigenvalues up to some 2 s
 * sqrt(d); half as much more, over the rows, leaves the sum of both positive.
 */
static double ridge_above_noise(const room_judged *j, double unit) {
    const mal_sql_physical *p = j->physical;
    const double d = (double)(p->n_cells - p->training->counted);
    const double s = (double)j->noise->halfwidth * unit / 1.96;
    double root = 1;
    while (root * root < d)
        root += 0.25;
    return 3 * s * root / (double)p->training_rows;
}

static mal_err put_training(mal_buf *out, const room_judged *j) {
    const mal_sql_training *t = j->physical->training;
    const room_noise *n = j->noise;
    const double unit = 1.0 / (double)t->release.change;
    MAL_TRY(mal_buf_put_fmt(
        out,
        "  the model is a function of %zu noised sums of values of [-1, 1], in "
        "%zu steps: one\n  unit's %llu rows move %llu of each step, all by "
        "%.1f "
        "in %s\n",
        t->release.words, t->release.steps,
        (unsigned long long)j->physical->rows_per_unit,
        (unsigned long long)t->release.touched, (double)n->sensitivity * unit,
        n->deviation ? "L2" : "L1"));
    if (n->deviation)
        MAL_TRY(mal_buf_put_fmt(out,
                                "  delta 1e-%u, Gaussian noise, rho %.9f by "
                                "zCDP over all steps\n",
                                t->delta_digits, (double)n->rho_nano * 1e-9));
    MAL_TRY(mal_buf_put_fmt(out,
                            "  noise of a sum: within %.1f, 95 times of 100\n",
                            (double)n->halfwidth * unit));
    if (strcmp(t->model, "linear") == 0)
        MAL_TRY(mal_buf_put_fmt(
            out,
            "  a ridge of %.3f or more keeps the noise from turning the model "
            "over (now as the plan says)\n",
            ridge_above_noise(j, unit)));
    if (t->counted)
        MAL_TRY(mal_buf_put_fmt(out,
                                "  rows: within %llu of the truth, 95 times of "
                                "100, for a part of epsilon\n",
                                (unsigned long long)n[1].halfwidth));
    return MAL_OK;
}

/* What a noised count reveals, costs and saves. */
static mal_err put_shrink(mal_buf *out, const room_judged *j) {
    const mal_sql_shrink *s = &j->physical->shrink;
    const room_noise *noise = &j->noise[j->physical->n_aggs];
    uint64_t num, den;
    room_shrink_epsilon(&num, &den, j->physical, j->epsilon_nano, true);
    return mal_buf_put_fmt(
        out,
        "  size shown to the seats: the rows that the %s leaves of %llu, "
        "%llu added, within %llu, 95 times of 100; one unit is in at most %llu "
        "of them; epsilon %.9g of the above pays for it, since the rest then "
        "runs on fewer rows\n",
        s->label, (unsigned long long)s->rows_max,
        (unsigned long long)noise->tail, (unsigned long long)noise->halfwidth,
        (unsigned long long)s->rows_per_unit, (double)num / (double)den);
}

static mal_err put_noise(mal_buf *out, const explained *e) {
    const room_judged *j = &e->judged;
    const mal_policy_contract *c = e->room->contract;
    if (room_exact(j))
        return mal_buf_put_fmt(
            out,
            "\nNoise and budget\n  none: an exact release, no differential "
            "privacy; each of %u datasets books an unbounded loss\n",
            j->n_losses);
    MAL_TRY(mal_buf_put_str(out, "\nNoise and budget\n  epsilon "));
    MAL_TRY(put_nano(out, j->epsilon_nano));
    MAL_TRY(mal_buf_put_fmt(out,
                            " of each of %u datasets, discrete %s; any %u "
                            "of %u parties' parts are the whole noise\n",
                            j->n_losses,
                            j->noise->deviation ? "Gaussian" : "Laplace",
                            j->share_k, j->n));
    for (unsigned i = 0; i < j->n_losses; i++) {
        const mal_policy_dataset *d = &c->datasets[j->losses[i].dataset];
        MAL_TRY(mal_buf_put_fmt(
            out, "  %s: one unit is %s%s, at most %llu rows\n", d->name,
            d->unit == MAL_POLICY_NONE ? "" : "one ",
            d->unit == MAL_POLICY_NONE ? "a row" : d->columns[d->unit].name,
            (unsigned long long)d->contributes_max));
    }
    if (j->physical->training)
        return put_training(out, j);
    for (unsigned a = 0; a < j->physical->n_aggs; a++) {
        uint64_t scale = 1;
        for (unsigned k = 0; k < j->physical->aggs[a].scale; k++)
            scale *= 10;
        MAL_TRY(mal_buf_put_fmt(
            out, "  %s: within %.*f of the truth, 95 times of 100, each cell\n",
            j->physical->aggs[a].label, (int)j->physical->aggs[a].scale,
            (double)j->noise[a].halfwidth / (double)scale));
    }
    return j->physical->shrink.at ? put_shrink(out, j) : MAL_OK;
}

static mal_err put_lines(mal_buf *out, const char *title,
                         const mal_audit_lines *lines) {
    MAL_TRY(mal_buf_put_fmt(out, "\n%s\n", title));
    for (size_t i = 0; i < lines->n; i++)
        MAL_TRY(mal_buf_put_fmt(out, "  %s\n", lines->line[i]));
    return MAL_OK;
}

static mal_err put_plan(mal_buf *out, const explained *e) {
    char hex[65];
    mal_hex_encode(hex, mal_bytes_of(e->judged.plan_hash.b, 32));
    MAL_TRY(mal_buf_put_fmt(out, "Plan sha256:%s\n", hex));
    return mal_sql_plan_print(out, e->judged.plan);
}

mal_err mal_room_explain(mal_room *room, mal_buf *text, mal_room_answer *facts,
                         mal_arena *arena, const mal_room_question *question) {
    explained *e = mal_arena_alloc(arena, sizeof *e);
    if (!e)
        return MAL_E_MEMORY;
    *facts = (mal_room_answer){ 0 };
    *e = (explained){ .room = room, .arena = arena };
    MAL_TRY(room_propose(room, &e->judged, &e->request, arena, question));
    facts->verdict = e->judged.verdict;
    facts->epsilon_nano = room_exact(&e->judged) ? 0 : e->judged.epsilon_nano;
    MAL_TRY(put_plan(text, e));
    MAL_TRY(put_verdict(text, e));
    if (e->judged.verdict.outcome == MAL_POLICY_REFUSE ||
        !(e->judged.noise || room_exact(&e->judged)))
        return MAL_OK;
    facts->engine = mal_policy_engine_name(e->judged.engine);
    MAL_TRY(put_parts(text, e));
    MAL_TRY(put_engines(text, e));
    MAL_TRY(put_noise(text, e));
    room_disclosed d;
    MAL_TRY(room_disclose(&d, arena, room, &e->judged));
    MAL_TRY(put_lines(text, "Learned beyond the answer", &d.leakage));
    MAL_TRY(put_lines(text, "Who must be believed", &d.trust));
    return put_lines(text, "Not proved", &d.not_proved);
}
