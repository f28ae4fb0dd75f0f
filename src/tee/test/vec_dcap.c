/* vec_dcap.c - published quotes of SGX and TDX have their published verdicts.
 */
#include "cases.h"

static bool is_ours(const mal_json *entry) {
    static const char *const kinds[] = {
        "sgx-v3",
        "tdx-v4",
        "tdx-v5",
        "tdx-report",
        "tdx-eventlog",
        "tcb-level-only",
        "dcap-signature-only",
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(case_str(entry, "kind"), kinds[i]) == 0)
            return true;
    return false;
}

/* What the entry says of this, if it does, is what was found. */
static bool text_agrees(const mal_json *entry, const char *key,
                        const char *found) {
    const mal_json *want = mal_json_find(entry, key);
    if (!want)
        return true;
    if (mal_json_kind_of(want) == MAL_JSON_NULL)
        return !found;
    return found && strcmp(found, case_str(entry, key)) == 0;
}

static bool advisories_agree(const mal_json *entry, const mal_tee_tcb *tcb) {
    const mal_json *want = mal_json_find(entry, "advisories");
    if (want && mal_json_len(want) != tcb->n_advisories)
        return false;
    for (size_t i = 0; want && i < tcb->n_advisories; i++) {
        const char *text;
        CHECK_OK(mal_json_as_str(mal_json_at(want, i), "advisories", &text));
        if (strcmp(text, tcb->advisories[i]) != 0)
            return false;
    }
    return true;
}

static bool agrees(const mal_case *c) {
    const mal_tee_claims *claims = &c->verdict.claims;
    char fmspc[13] = "";
    int64_t debug = claims->debug;
    mal_hex_encode(fmspc, claims->tcb.fmspc);
    if (mal_json_find(c->entry, "debug"))
        CHECK_OK(mal_json_get_int(c->entry, "debug", &debug));
    return strcmp(mal_tee_answer_name(c->verdict.answer),
                  case_str(c->entry, "verdict")) == 0 &&
           strcmp(mal_tee_code_name(c->verdict.code),
                  case_str(c->entry, "code")) == 0 &&
           text_agrees(c->entry, "tcb", claims->tcb.status) &&
           text_agrees(c->entry, "module", claims->tcb.module) &&
           text_agrees(c->entry, "qe", claims->tcb.qe) &&
           text_agrees(c->entry, "fmspc", fmspc) &&
           advisories_agree(c->entry, &claims->tcb) && debug == claims->debug;
}

static void tell(const mal_case *c) {
    const mal_tee_claims *claims = &c->verdict.claims;
    printf("# %s: wanted %s %s, found %s %s: %s (tcb %s, module %s, qe %s)\n",
           case_str(c->entry, "id"), case_str(c->entry, "verdict"),
           case_str(c->entry, "code"), mal_tee_answer_name(c->verdict.answer),
           mal_tee_code_name(c->verdict.code), c->verdict.detail,
           claims->tcb.status ? claims->tcb.status : "-",
           claims->tcb.module ? claims->tcb.module : "-",
           claims->tcb.qe ? claims->tcb.qe : "-");
}

TEST(each_published_quote_has_its_verdict) {
    MAL_AUTO(mal_json_auto) mal_json *list = case_list();
    const mal_json *all = mal_json_find(list, "vectors");
    size_t ours = 0, exact = 0;
    for (size_t i = 0; i < mal_json_len(all); i++) {
        MAL_AUTO(case_clear) mal_case c = { 0 };
        if (!is_ours(mal_json_at(all, i)))
            continue;
        case_load(&c, mal_json_at(all, i));
        case_judge(&c);
        ours++;
        if (agrees(&c))
            exact++;
        else
            tell(&c);
    }
    printf("# %zu of %zu exact\n", exact, ours);
    CHECK(ours >= 30);
    CHECK_EQ(exact, ours);
}

TEST_MAIN
